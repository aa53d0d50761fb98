import assert from "node:assert/strict";
import { ChunkQueue } from "../../src/bytes/chunk_queue.ts";

Deno.test("chunks: bytes leave in order, across chunks and in parts of them", () => {
  const queue = new ChunkQueue();
  queue.push(new Uint8Array([1, 2, 3]));
  queue.push(new Uint8Array([4]));
  queue.push(new Uint8Array([5, 6]));
  assert.equal(queue.bytes, 6);
  const buffer = new Uint8Array(2);
  const taken: number[][] = [];
  for (;;) {
    const count = queue.take(buffer);
    if (count === 0) break;
    taken.push([...buffer.subarray(0, count)]);
  }
  assert.deepEqual(taken, [[1, 2], [3, 4], [5, 6]]);
  assert.equal(queue.bytes, 0);
});

Deno.test("chunks: a cleared queue is empty", () => {
  const queue = new ChunkQueue();
  queue.push(new Uint8Array(3));
  queue.clear();
  assert.equal(queue.bytes, 0);
  assert.equal(queue.take(new Uint8Array(3)), 0);
});
