import assert from "node:assert/strict";
import { detach, isDetached, resized } from "../../src/bytes/detach.ts";

Deno.test("detach: the buffer has no memory any more", () => {
  const buffer = new ArrayBuffer(16);
  assert.equal(isDetached(buffer), false);
  detach(buffer);
  assert.equal(isDetached(buffer), true);
  assert.equal(buffer.byteLength, 0);
});

Deno.test("resized: the bytes move to a buffer of another size", () => {
  for (const size of [2, 3, 5]) {
    const from = new Uint8Array([1, 2, 3]).buffer;
    const to = new Uint8Array(resized(from, size));
    assert.deepEqual([...to], [1, 2, 3, 0, 0].slice(0, size));
    assert.equal(from.byteLength, 0);
  }
});
