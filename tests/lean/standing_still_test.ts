/** What stands still and what only seems to: frames cut off by every read, and senders who wait for others. */

import assert from "node:assert/strict";
import {
  CLIENT_HELLO,
  concat,
  control,
  drain,
  frame,
  Pair,
  parse,
  recordedServer,
  start,
  text,
} from "./harness.ts";
import { MemoryPool } from "../../src/limits/memory_pool.ts";
import { Metadata } from "../../src/call/metadata.ts";

Deno.test("A busy connection whose every read ends inside a frame lives on", () => {
  const { engine, notes } = recordedServer();
  engine.receive(concat(CLIENT_HELLO, frame(0x05, 1, "/a"), frame(0x05, 2, "/b")), 0);
  let pending: Uint8Array = new Uint8Array(0);
  let id = 1;
  for (let nowMs = 10; nowMs <= 40_000; nowMs += 10) {
    while (pending.length <= 10_001) {
      pending = concat(pending, frame(0x04, id, "", new Uint8Array(16_000)));
      id = 3 - id;
    }
    engine.receive(pending.subarray(0, 10_001), nowMs);
    pending = pending.slice(10_001);
    drain(engine, nowMs);
    if (engine.nextTimerMs() <= nowMs) engine.onTimer(nowMs);
  }
  assert.deepEqual(notes, []);
  assert.equal(engine.finished, false);
});

Deno.test("A frame that stays incomplete ends the connection, also behind others", () => {
  const { engine } = recordedServer();
  engine.receive(concat(CLIENT_HELLO, frame(0x05, 1, "/a")), 0);
  const message = frame(0x04, 1, "", new Uint8Array(16_000));
  engine.receive(concat(message, message.subarray(0, 10)), 20_000);
  for (let nowMs = 20_100, at = 10; !engine.finished && nowMs < 60_000; nowMs += 100, at++) {
    drain(engine, nowMs);
    // A byte now and then is no progress of the frame.
    engine.receive(message.subarray(at, at + 1), nowMs);
    if (engine.nextTimerMs() <= nowMs) engine.onTimer(nowMs);
    assert.equal(engine.finished, nowMs >= 50_000, `at ${nowMs}`);
  }
  assert.ok(engine.finished);
});

Deno.test("A sender hears that there is room when a call that held all of it is cancelled", () => {
  const { engine, calls } = recordedServer({ maxSendBufferBytes: 100_000 });
  engine.receive(concat(CLIENT_HELLO, frame(0x01, 1, "/a"), frame(0x01, 2, "/b")), 0);
  calls[0].call.sendMessage(new Uint8Array(400_000), false);
  while (engine.out.length > 0) drain(engine);
  assert.equal(calls[1].call.writable, false);
  engine.receive(control(1, 1), 1);
  assert.ok(calls[1].events.includes("writable"));
});

Deno.test("A client that knows the hello beforehand may use the default credit of a server with a smaller window", () => {
  const pair = new Pair({ server: { callWindowBytes: 8_192 }, client: { peerKnowsHello: true } });
  const call = start(pair.client.engine, "/a");
  call.call.sendLastMessage(new Uint8Array(40_000), false);
  pair.run();
  assert.deepEqual(pair.server.notes, []);
  assert.deepEqual(pair.server.calls[0].events, ["message 40000", "half-close"]);
});

Deno.test("Response headers longer than the client's maxValueBytes arrive", () => {
  const pair = new Pair({ client: { maxValueBytes: 16_384, maxHeaderListBytes: 65_536 } });
  pair.run();
  const call = start(pair.client.engine, "/a");
  call.call.sendLastMessage(new Uint8Array(1), false);
  pair.run();
  pair.server.calls[0].call.sendHeaders(new Metadata({ big: "x".repeat(20_000) }));
  pair.run();
  assert.equal(call.headers?.get("big")?.length, 20_000);
});

Deno.test("A route that no server reads is refused by the client and leaves the connection alone", () => {
  const pair = new Pair();
  pair.run();
  const { engine } = pair.client;
  const neighbour = start(engine, "/a");
  for (const path of ["", "\0a", "/" + "x".repeat(1_024), "/" + "x".repeat(70_000)]) {
    assert.throws(() => start(engine, path), TypeError);
  }
  neighbour.call.sendLastMessage(new Uint8Array(1), false);
  pair.run();
  assert.equal(engine.activeCalls, 1);
  assert.deepEqual(pair.server.calls[0].events, ["message 1", "half-close"]);
});

Deno.test("What version-1 frames hold that are cut off is bounded by the server's memory", () => {
  const memory = new MemoryPool(16_000_000);
  const message = frame(0x01, 1, "/a", new Uint8Array(4_000_000).fill(7));
  const servers = Array.from({ length: 20 }, () => recordedServer({ memory }));
  for (const { engine } of servers) {
    for (let at = 0; at < 600_000; at += 60_000) {
      engine.receive(message.subarray(at, at + 60_000), 0);
    }
  }
  const held = servers.reduce((sum, { engine }) => sum + engine.bufferedBytes, 0);
  assert.ok(held > 0 && held <= memory.limitBytes, `${held} bytes are held`);
  // Who was refused hears of it, and may go on with the next call.
  const refused = servers.filter(({ engine }) => engine.out.length > 0);
  assert.ok(refused.length > 0);
  const { engine, calls } = refused[0];
  assert.match(text(parse(drain(engine))[0].value), /^RESOURCE_EXHAUSTED: .* memory/);
  engine.receive(concat(message.subarray(600_000), frame(0x01, 2, "/b", "x")), 1);
  assert.equal(calls[0].call.path, "/b");
  for (const { engine } of servers) engine.transportLost("over", 2);
  assert.equal(memory.used, 0);
});
