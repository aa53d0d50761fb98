/** The server's hello, drain, age and idleness: "Hello" and "Goodbye" in src/lean/README.md. */

import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import { Control } from "../../src/lean/format/frames.ts";
import {
  concat,
  control,
  drain,
  frame,
  OK,
  Pair,
  parse,
  recordedServer,
  start,
  text,
  utf8,
} from "./harness.ts";

Deno.test("a malformed hello is answered in version 1 and ends the connection", () => {
  for (
    const value of [
      ...["", "vrpcS\u0001", "vrpcC\u0000", "vrpcC\u0001abc"].map(utf8),
      concat(utf8("vrpcC\u0001"), Uint8Array.of(1, 0, 0, 0, 0)),
      concat(
        utf8("vrpcC\u0001"),
        ...Array.from({ length: 33 }, () => Uint8Array.of(99, 0, 0, 0, 0)),
      ),
    ]
  ) {
    const made = recordedServer();
    made.engine.receive(frame(1, 0, "vrpc/hello", value), 0);
    assert.equal(made.engine.finished, true);
    const [reply] = parse(drain(made.engine));
    assert.equal(reply.flags, 0x12);
    assert.match(text(reply.value), /^INVALID_ARGUMENT: /);
  }
});

Deno.test("a drain lets open calls finish and refuses those that cross it, then both sides are finished", () => {
  const pair = new Pair();
  pair.run();
  const open = start(pair.client.engine, "/x");
  open.call.sendLastMessage(utf8(""), false);
  pair.run();
  pair.server.engine.drain(0);
  // This call crosses GOODBYE.
  const crossing = start(pair.client.engine, "/x");
  crossing.call.sendLastMessage(utf8(""), false);
  pair.run();
  assert.equal(crossing.status, Status.UNAVAILABLE);
  assert.equal(crossing.progress, "unprocessed");
  assert.equal(pair.client.engine.usable, false);
  assert.throws(() => start(pair.client.engine, "/x"), /not usable/);
  assert.equal(pair.server.engine.finished, false);
  pair.server.calls[0].call.respond(utf8("done"));
  pair.server.calls[0].call.handlerDone();
  pair.run();
  assert.equal(open.status, OK);
  assert.equal(pair.client.engine.finished, true);
  pair.wait(1_000);
  assert.equal(pair.server.engine.finished, true);
  assert.equal(pair.server.engine.closedGracefully, true);
});

Deno.test("an abort ends every call with UNAVAILABLE", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  pair.run();
  pair.server.engine.abort("Stopped by hand", 0);
  assert.equal(pair.server.engine.finished, true);
  assert.equal(pair.server.engine.closedGracefully, false);
  pair.run();
  assert.equal(call.status, Status.UNAVAILABLE);
  assert.equal(call.message, "Stopped by hand");
  assert.equal(pair.client.engine.finished, true);
});

Deno.test("a lost connection ends the calls of both sides once", () => {
  const pair = new Pair();
  pair.run();
  const sent = start(pair.client.engine, "/x");
  sent.call.sendLastMessage(utf8(""), false);
  const unsent = start(pair.client.engine, "/y");
  pair.run();
  pair.client.engine.transportLost("gone", 0);
  pair.client.engine.transportLost("gone again", 0);
  pair.server.engine.receiveEnd(0);
  assert.equal(sent.status, Status.UNAVAILABLE);
  assert.equal(sent.progress, "processed");
  assert.equal(unsent.progress, "unprocessed");
  assert.deepEqual(
    pair.server.calls[0].events.at(-1),
    "cancel UNAVAILABLE: The peer closed the connection",
  );
  assert.equal(pair.server.engine.activeCalls, 0);
});

Deno.test("a connection is drained at its maximum age, or when it is idle for too long", () => {
  const old = new Pair({ server: { maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 } });
  old.run();
  const call = start(old.client.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  old.wait(1_200);
  assert.equal(old.client.engine.usable, false);
  assert.equal(call.status, undefined);
  old.wait(500);
  assert.equal(call.status, Status.UNAVAILABLE);
  const idle = new Pair({ server: { maxConnectionIdleMs: 1_000 } });
  idle.wait(900);
  assert.equal(idle.client.engine.usable, true);
  idle.wait(200);
  assert.equal(idle.client.engine.finished, true);
});

Deno.test("idleness counts from the end of the last call", () => {
  const pair = new Pair({ server: { maxConnectionIdleMs: 1_000 } });
  pair.run();
  const call = start(pair.client.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  pair.wait(5_500);
  const [{ call: served }] = pair.server.calls;
  served.respond(utf8(""));
  served.handlerDone();
  pair.wait(900);
  assert.equal(call.status, OK);
  assert.equal(pair.client.engine.usable, true);
  pair.wait(200);
  assert.equal(pair.client.engine.usable, false);
});

Deno.test("GOODBYE of a client extends neither the linger time nor the age limit", () => {
  const server = { maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 };
  for (const calls of [0, 1]) {
    const pair = new Pair({ server });
    pair.run();
    const { engine } = pair.client;
    if (calls === 1) start(engine, "/x").call.sendLastMessage(utf8(""), false);
    pair.run();
    engine.out.bytes(control(Control.GOODBYE, 0, concat(Uint8Array.of(0), new Uint8Array(8))));
    pair.run();
    assert.equal(pair.server.engine.finished, false);
    pair.wait(calls === 0 ? 1_100 : 1_600);
    assert.equal(pair.server.engine.finished, true);
  }
});
