/** What a server may send, and how a client opens and ends calls: "After the hello" in src/lean/README.md. */

import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import {
  assertGoodbye,
  CANCEL,
  concat,
  control,
  frame,
  GOODBYE,
  greetedClient,
  HEADERS,
  hex,
  OK,
  Pair,
  start,
  u32,
  utf8,
} from "./harness.ts";

const SERVER_ABUSES: [string, Uint8Array, number, RegExp][] = [
  ["a request", frame(1, 1, "/x"), 1, /flags 0x01 for call 1/],
  ["a reply to an unknown call", frame(2, 2, ""), 1, /whole reply for call 2: .* never opened/],
  [
    "a whole reply after a message",
    concat(frame(6, 1, "", "a"), frame(2, 1, "", "b")),
    1,
    /whole reply .* has begun/,
  ],
  [
    "response headers after a message",
    concat(frame(6, 1, "", "a"), control(HEADERS, 1, hex("0000"))),
    1,
    /response headers .* has begun/,
  ],
  ["CANCEL", control(CANCEL, 1), 1, /CANCEL from a server/],
  [
    "an end inside a message",
    concat(frame(0x46, 1, "", "x".repeat(600)), frame(0x0a, 1, "")),
    1,
    /inside/,
  ],
  ["a frame above the limit", frame(2, 1, "", new Uint8Array(65_537)), 3, /limit is 65536/],
];

for (const [name, bytes, reason, note] of SERVER_ABUSES) {
  Deno.test(`${name} from a server ends the connection`, () => {
    const made = greetedClient();
    const call = start(made.engine, "/x");
    call.call.sendLastMessage(utf8(""), false);
    made.engine.receive(bytes, 0);
    assertGoodbye(made, reason, note);
    assert.equal(call.status, Status.INTERNAL);
  });
}

Deno.test("GOODBYE with an error ends calls, and later frames are not parsed", () => {
  const made = greetedClient();
  const call = start(made.engine, "/x");
  call.call.sendLastMessage(utf8(""), false);
  const goodbye = control(GOODBYE, 0, concat(Uint8Array.of(1), u32(0), u32(1), utf8("bad")));
  made.engine.receive(concat(goodbye, frame(2, 1, "", "late")), 0);
  assert.equal(call.status, Status.UNAVAILABLE);
  assert.equal(call.message, "bad");
  assert.deepEqual(call.messages, []);
  assert.equal(made.engine.finished, true);
});

Deno.test("a cancel reaches the handler and frees the client's slot at once", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/slow");
  call.call.sendLastMessage(utf8("x"), false);
  pair.run();
  call.call.cancel();
  assert.equal(pair.client.engine.activeCalls, 0);
  pair.run();
  assert.deepEqual(
    pair.server.calls[0].events.at(-1),
    "cancel CANCELLED: The client cancelled the call",
  );
  assert.equal(call.status, undefined);
  pair.server.calls[0].call.sendStatus(OK, "");
  pair.server.calls[0].call.sendMessage(utf8("nobody"), false);
  pair.run();
  assert.equal(pair.client.engine.finished, false);
});

Deno.test("a client opens no more calls than the server's hello accepts", () => {
  const pair = new Pair({ server: { maxConcurrentStreams: 2 } });
  pair.run();
  assert.equal(pair.client.engine.maxCalls, 2);
  const first = start(pair.client.engine, "/x");
  first.call.sendLastMessage(utf8(""), false);
  const second = start(pair.client.engine, "/x");
  second.call.sendLastMessage(utf8(""), false);
  assert.throws(() => start(pair.client.engine, "/x"), /2 calls are open, limit is 2/);
  // The client's slot is free at once; the handler still runs.
  first.call.cancel();
  pair.server.engine.onOutput = () => {};
  pair.run();
  assert.equal(pair.server.engine.activeCalls, 1);
});

Deno.test("metadata that can't be encoded, or that the server refuses, fails the call", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/x", {
    metadata: new Metadata({ a: "x".repeat(70_000) }),
  });
  pair.wait(10);
  assert.equal(call.status, Status.INTERNAL);
  assert.equal(call.progress, "unprocessed");
  const big = start(pair.client.engine, "/x", {
    metadata: new Metadata({ a: "x".repeat(20_000) }),
  });
  big.call.sendLastMessage(utf8(""), false);
  pair.run();
  assert.equal(big.status, Status.RESOURCE_EXHAUSTED);
  assert.match(big.message, /limit is 16384/);
});

Deno.test("response headers longer than the client's maxValueBytes are accepted", () => {
  const pair = new Pair({ client: { maxValueBytes: 16_384, maxHeaderListBytes: 65_536 } });
  pair.run();
  const call = start(pair.client.engine, "/a");
  call.call.sendLastMessage(new Uint8Array(1), false);
  pair.run();
  pair.server.calls[0].call.sendHeaders(new Metadata({ big: "x".repeat(20_000) }));
  pair.run();
  assert.equal(call.headers?.get("big")?.length, 20_000);
});
