import assert from "node:assert/strict";
import { dialMemory, listenMemory, memoryPair } from "../../src/transport/memory.ts";

Deno.test("memoryPair() accepts as many bytes as its capacity, then blocks", async () => {
  const [near, far] = memoryPair({ bufferBytes: 10 });
  assert.equal(await near.write(new Uint8Array(8)), 8);
  assert.equal(await near.write(new Uint8Array(8)), 2);
  let written = 0;
  const writing = near.write(new Uint8Array(8)).then((count) => written = count);
  await Promise.resolve();
  assert.equal(written, 0);
  assert.equal(await far.read(new Uint8Array(5)), 5);
  assert.equal(await writing, 5);
});

Deno.test("memoryPair() resets a peer whose bytes are unread at the close", async () => {
  const [near, far] = memoryPair({ address: "memory:a" });
  await near.write(new Uint8Array(1));
  far.close();
  await assert.rejects(near.read(new Uint8Array(1)), /memory:a broke: the peer reset/);
});

Deno.test("memoryPair() rejects a capacity below 1", () => {
  assert.throws(() => memoryPair({ bufferBytes: 0 }), {
    name: "RangeError",
    message: "bufferBytes must be at least 1, not 0",
  });
});

Deno.test("memory streams allow one read and one write at a time", async () => {
  const [near, far] = memoryPair({ bufferBytes: 1 });
  const reading = near.read(new Uint8Array(1));
  await assert.rejects(near.read(new Uint8Array(1)), /another read is pending, limit is 1/);
  await far.write(new Uint8Array(1));
  await reading;
});

Deno.test("a name has one listener, and connections wait up to a backlog of 511", () => {
  const address = { kind: "memory", name: "memory_test" } as const;
  assert.throws(() => dialMemory(address), /memory_test: nothing listens on it in this process$/);
  const listener = listenMemory(address);
  assert.throws(() => listenMemory(address), /in use in this process; choose another name$/);
  for (let i = 0; i < 511; i++) dialMemory(address);
  assert.throws(() => dialMemory(address), /511 connections wait to be accepted, limit is 511$/);
  listener.close();
  listenMemory(address).close();
});
