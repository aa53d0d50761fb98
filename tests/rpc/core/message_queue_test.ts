import assert from "node:assert/strict";
import { Fifo, MessageQueue } from "../../../src/rpc/core/message_queue.ts";

Deno.test("Fifo returns items in order, across compactions of the taken front", () => {
  const fifo = new Fifo<number>();
  assert.equal(fifo.take(), undefined);
  let pushed = 0;
  let taken = 0;
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 200; i++) fifo.push(pushed++);
    for (let i = 0; i < 150; i++) assert.equal(fifo.take(), taken++);
    assert.equal(fifo.length, pushed - taken);
  }
  while (fifo.length > 0) assert.equal(fifo.take(), taken++);
  assert.equal(taken, pushed);
  assert.equal(fifo.take(), undefined);
  fifo.push(1);
  fifo.clear();
  assert.equal(fifo.length, 0);
  assert.equal(fifo.take(), undefined);
});

const LIMITS = { pauseBytes: 100, pauseCount: 4, resumeBytes: 50, resumeCount: 2 };
const message = (length: number) => new Uint8Array(length);

Deno.test("MessageQueue pauses once at its upper bound of bytes and resumes once at the lower one", () => {
  const queue = new MessageQueue<Uint8Array>(LIMITS);
  assert.equal(queue.push(message(60)), false);
  assert.equal(queue.push(message(40)), true);
  assert.equal(queue.push(message(40)), false, "already paused");
  assert.equal(queue.take()?.length, 60);
  assert.equal(queue.resumes(), false, "80 bytes are left");
  queue.take();
  assert.equal(queue.resumes(), true, "40 bytes are left");
  assert.equal(queue.resumes(), false, "already resumed");
});

Deno.test("MessageQueue pauses by the number of messages, even if they are empty", () => {
  const queue = new MessageQueue<Uint8Array>(LIMITS);
  for (let i = 0; i < 3; i++) assert.equal(queue.push(message(0)), false);
  assert.equal(queue.push(message(0)), true);
  queue.take();
  assert.equal(queue.resumes(), false);
  queue.take();
  assert.equal(queue.resumes(), true);
  assert.equal(queue.length, 2);
});

Deno.test("MessageQueue resumes after clear() only if it was paused", () => {
  const queue = new MessageQueue<Uint8Array>(LIMITS);
  queue.push(message(10));
  queue.clear();
  assert.equal(queue.resumes(), false);
  queue.push(message(100));
  queue.clear();
  assert.equal(queue.resumes(), true);
  assert.equal(queue.take(), undefined);
  assert.equal(queue.push(message(99)), false, "the bytes were forgotten");
});
