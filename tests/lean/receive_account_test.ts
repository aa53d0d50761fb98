/** Memory of unfinished messages and incomplete frames, and credit of ended calls: `maxAssemblyBytes` in src/lean/README.md, "Limits". */

import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import { MemoryPool } from "../../src/limits/memory_pool.ts";
import {
  CLIENT_HELLO,
  concat,
  drain,
  frame,
  greetedServer,
  Pair,
  parse,
  recordedServer,
  start,
  text,
  utf8,
} from "./harness.ts";

Deno.test("unfinished messages of one connection share a limit", () => {
  const made = greetedServer({ maxAssemblyBytes: 100_000, maxReceiveMessageBytes: 90_000 });
  made.engine.receive(concat(frame(5, 1, "/x"), frame(5, 2, "/x")), 0);
  made.engine.receive(frame(0x44, 1, "", new Uint8Array(60_000)), 0);
  assert.equal(made.engine.bufferedBytes, 60_000);
  made.engine.receive(frame(0x44, 2, "", new Uint8Array(60_000)), 0);
  assert.match(made.calls[1].events.at(-1)!, /cancel RESOURCE_EXHAUSTED/);
  assert.equal(made.engine.finished, false);
  assert.equal(made.engine.bufferedBytes, 60_000);
});

Deno.test("connections share a memory pool and count what they hold exactly", () => {
  const memory = new MemoryPool(2_000_000);
  const one = new Pair({ server: { memory } });
  const two = new Pair({ server: { memory } });
  one.run();
  two.run();
  const call = start(one.client.engine, "/x", { requestStreams: true });
  call.call.sendMessage(new Uint8Array(900_000), false);
  // The reader is not paused, so all pieces arrive and the message is complete.
  one.run();
  assert.equal(memory.used, 0);
  one.server.calls[0].call.sendMessage(new Uint8Array(990_000), false);
  assert.ok(memory.used > 850_000, `${memory.used}`);
  const small = start(two.client.engine, "/x");
  small.call.sendLastMessage(utf8(""), false);
  two.run();
  // Its fair share is a quarter of the remaining half.
  two.server.calls[0].call.respond(new Uint8Array(300_000));
  two.run();
  assert.equal(small.status, Status.RESOURCE_EXHAUSTED);
  assert.match(small.message, /the memory for messages is used up/);
  one.run();
  assert.equal(memory.used, 0);
  assert.equal(memory.holders, 0);
});

Deno.test("incomplete version-1 frames are bounded by the memory pool", () => {
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
  // A refused client gets an error and can continue with the next call.
  const refused = servers.filter(({ engine }) => engine.out.length > 0);
  assert.ok(refused.length > 0);
  const { engine, calls } = refused[0];
  assert.match(text(parse(drain(engine))[0].value), /^RESOURCE_EXHAUSTED: .* memory/);
  engine.receive(concat(message.subarray(600_000), frame(0x01, 2, "/b", "x")), 1);
  assert.equal(calls[0].call.path, "/b");
  for (const { engine } of servers) engine.transportLost("over", 2);
  assert.equal(memory.used, 0);
});

Deno.test("late messages within the credit of ended calls are not charged, others are", () => {
  const { engine, calls } = recordedServer({ overheadBurst: 400 });
  engine.receive(concat(CLIENT_HELLO, frame(5, 1, "/a"), frame(5, 2, "/a"), frame(5, 3, "/a")), 0);
  for (const { call } of calls) call.sendStatus(8, "no");
  drain(engine);
  for (const id of [1, 2, 3]) {
    const late = frame(4, id, "", new Uint8Array(16));
    for (let i = 0; i < 8_192; i++) engine.receive(late, 0);
  }
  assert.equal(engine.finished, false);
  for (let i = 0; i < 401; i++) engine.receive(frame(4, 3, "", "x"), 0);
  assert.equal(engine.finished, true);
});
