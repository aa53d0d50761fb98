/** Messages of a call in both directions, and their credit: "Pieces" and "Credit" in src/lean/README.md. */

import assert from "node:assert/strict";
import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import {
  assertGoodbye,
  CLIENT_HELLO,
  concat,
  control,
  CREDIT,
  drain,
  echo,
  frame,
  greetedServer,
  OK,
  Pair,
  recordedServer,
  start,
  u32,
  utf8,
} from "./harness.ts";

// Each test runs with input in whole chunks and in single bytes.
const CUTS: [string, (bytes: number) => number][] = [["whole", (n) => n], [
  "byte by byte",
  () => 1,
]];

for (const [name, cut] of CUTS) {
  Deno.test(`a unary call gets its reply, ${name}`, () => {
    const pair = new Pair({ handle: echo, cut });
    pair.run();
    assert.equal(pair.client.engine.ready, true);
    const call = start(pair.client.engine, "/echo");
    call.call.sendLastMessage(utf8("hello"), false);
    assert.equal(pair.client.engine.activeCalls, 1);
    pair.run();
    assert.deepEqual(call.messages, ["hello"]);
    assert.equal(call.status, OK);
    assert.deepEqual(call.events, ["headers", "message 5", "status OK"]);
    assert.equal(pair.client.engine.activeCalls, 0);
    assert.equal(pair.server.engine.activeCalls, 0);
    assert.deepEqual(pair.server.notes, []);
  });

  Deno.test(`metadata, timeout, headers, trailers and status arrive, ${name}`, () => {
    const pair = new Pair({ cut });
    pair.run();
    const call = start(pair.client.engine, "/m", {
      metadata: new Metadata([["a", "1"], ["a", "2"], ["b-bin", Uint8Array.of(0, 255)]]),
      timeoutMs: 1234.5,
      authority: "there",
    });
    call.call.sendLastMessage(utf8("x"), false);
    pair.run();
    const { call: served } = pair.server.calls[0];
    assert.equal(served.timeoutMs, 1235);
    assert.equal(served.authority, "there");
    assert.deepEqual(served.metadata.getAll("a"), ["1", "2"]);
    assert.deepEqual(served.metadata.get("b-bin"), Uint8Array.of(0, 255));
    served.sendHeaders(new Metadata({ h: "head" }));
    served.sendMessage(utf8("one"), false);
    served.sendStatus(Status.NOT_FOUND, "nothing: ☃", new Metadata({ t: "tail" }));
    served.handlerDone();
    pair.run();
    assert.equal(call.headers?.get("h"), "head");
    assert.deepEqual(call.messages, ["one"]);
    assert.equal(call.status, Status.NOT_FOUND);
    assert.equal(call.message, "nothing: ☃");
    assert.equal(call.trailers?.get("t"), "tail");
    assert.equal(call.progress, "processed");
  });

  Deno.test(`both sides of a bidirectional call half-close independently, ${name}`, () => {
    const pair = new Pair({ cut });
    pair.run();
    const call = start(pair.client.engine, "/chat", {
      requestStreams: true,
      singleResponse: false,
    });
    pair.run();
    const served = pair.server.calls[0];
    served.call.sendMessage(utf8("server first"), false);
    call.call.sendMessage(utf8("a"), false);
    call.call.sendMessage(utf8(""), false);
    pair.run();
    assert.deepEqual(served.messages, ["a", ""]);
    call.call.halfClose();
    pair.run();
    assert.deepEqual(served.events, ["message 1", "message 0", "half-close"]);
    served.call.sendMessage(utf8("late"), false);
    served.call.sendStatus(OK, "", new Metadata({ t: "1" }));
    served.call.handlerDone();
    pair.run();
    assert.deepEqual(call.messages, ["server first", "late"]);
    assert.equal(call.status, OK);
    assert.equal(call.trailers?.get("t"), "1");
  });

  Deno.test(`large messages are sent both ways in pieces under credit, ${name}`, () => {
    const size = name === "whole" ? 3_000_000 : 300_000;
    const pair = new Pair({ handle: echo, cut });
    pair.run();
    const call = start(pair.client.engine, "/echo");
    call.call.sendLastMessage(new Uint8Array(size).fill(97), false);
    pair.run();
    assert.equal(call.status, OK);
    assert.equal(call.messages[0].length, size);
    assert.ok(call.messages[0] === "a".repeat(size));
    assert.equal(pair.server.engine.bufferedBytes, 0);
    assert.equal(pair.client.engine.bufferedBytes, 0);
  });
}

Deno.test("sending beyond the credit ends the connection", () => {
  // The window is at least the default, which the client may use before it reads the hello.
  const small = greetedServer({ callWindowBytes: 1_024, maxValueBytes: 131_072 });
  small.engine.receive(frame(1, 1, "/x", new Uint8Array(65_537)), 0);
  assertGoodbye(small, 2, /got 65537 bytes above its credit/);
  const paused = greetedServer();
  paused.engine.receive(frame(5, 1, "/x"), 0);
  paused.calls[0].call.setReadPaused(true);
  const piece = frame(4, 1, "", new Uint8Array(65_536));
  paused.engine.receive(concat(piece, piece), 0);
  assert.equal(paused.engine.finished, false);
  paused.engine.receive(frame(4, 1, "", "x"), 0);
  assertGoodbye(paused, 2, /got 1 bytes above its credit/);
});

Deno.test("a queued message counts 256 bytes on top of its own", () => {
  const made = greetedServer({ sendBufferBytes: 10_000 });
  made.engine.receive(frame(5, 1, "/x"), 0);
  const { call } = made.calls[0];
  call.sendMessage(new Uint8Array(65_536), false);
  call.sendMessage(new Uint8Array(65_536), false);
  let sent = 0;
  for (; call.writable && sent < 10_000; sent++) call.sendMessage(new Uint8Array(1), false);
  assert.equal(sent, Math.ceil(10_000 / 257));
  made.engine.receive(control(CREDIT, 1, u32(100_000)), 0);
  drain(made.engine);
  assert.equal(made.engine.bufferedBytes, 0);
  assert.equal(made.calls[0].events.at(-1), "writable");
});

Deno.test("a paused reader stops the sender within bounded memory, until it resumes", () => {
  const pair = new Pair();
  pair.run();
  const call = start(pair.client.engine, "/s", { requestStreams: true, singleResponse: false });
  pair.run();
  const served = pair.server.calls[0];
  served.call.setReadPaused(true);
  const chunk = new Uint8Array(10_000);
  let sent = 0;
  while (call.call.writable && sent < 1_000) {
    call.call.sendMessage(chunk, false);
    sent++;
    pair.run();
  }
  assert.ok(sent < 30, `${sent} chunks went out`);
  assert.ok(served.raw.length * 10_000 <= 131_072);
  const before = served.raw.length;
  served.call.setReadPaused(false);
  pair.run();
  assert.ok(served.raw.length > before);
  assert.equal(call.events.at(-1), "writable");
  assert.equal(served.raw.length, sent);
});

Deno.test("a message above the limit fails its call on either side, not the connection", () => {
  const pair = new Pair({ server: { maxReceiveMessageBytes: 100_000 } });
  pair.run();
  const call = start(pair.client.engine, "/x");
  call.call.sendLastMessage(new Uint8Array(200_000), false);
  pair.run();
  assert.equal(call.status, Status.RESOURCE_EXHAUSTED);
  assert.match(pair.server.calls[0].events.at(-1)!, /cancel RESOURCE_EXHAUSTED/);
  const back = start(pair.client.engine, "/x", { maxReceiveMessageBytes: 10 });
  back.call.sendLastMessage(utf8(""), false);
  pair.run();
  pair.server.calls[1].call.respond(new Uint8Array(11));
  pair.server.calls[1].call.handlerDone();
  pair.run();
  assert.equal(back.status, Status.RESOURCE_EXHAUSTED);
  assert.equal(pair.client.engine.finished, false);
});

Deno.test("messages that wait for credit do not stop credit from being read", () => {
  const pair = new Pair({ handle: echo, client: { maxSendBufferBytes: 100_000 } });
  pair.run();
  const calls = Array.from({ length: 3 }, () => {
    const call = start(pair.client.engine, "/echo");
    call.call.sendLastMessage(new Uint8Array(4_000_000), false);
    return call;
  });
  pair.run();
  for (const call of calls) assert.equal(call.messages[0]?.length, 4_000_000);
});

Deno.test("cancelling a call that fills the send buffers makes the others writable", () => {
  const { engine, calls } = recordedServer({ maxSendBufferBytes: 100_000 });
  engine.receive(concat(CLIENT_HELLO, frame(0x01, 1, "/a"), frame(0x01, 2, "/b")), 0);
  calls[0].call.sendMessage(new Uint8Array(400_000), false);
  while (engine.out.length > 0) drain(engine);
  assert.equal(calls[1].call.writable, false);
  engine.receive(control(1, 1), 1);
  assert.ok(calls[1].events.includes("writable"));
});
