import assert from "node:assert/strict";
import { CAN_MARK_BUFFERS } from "../../src/bytes/untransferable.ts";
import { copyMessage, SLAB_BYTES, SLAB_MESSAGE_BYTES } from "../../src/bytes/message_slab.ts";

Deno.test("copyMessage() copies exactly; copies share no bytes with each other or the source", () => {
  const source = new Uint8Array(5_000).map((_, i) => i * 7);
  const kept: [number, number, Uint8Array][] = [];
  for (let i = 0; i < 200; i++) {
    const start = i * 3;
    const end = start + [0, 1, 64, 65, 127, 128, 129, 500, 1_024, 1_025, 3_000][i % 11];
    kept.push([start, end, copyMessage(source, start, end)]);
  }
  const original = source.slice();
  source.fill(0xff);
  for (const [start, end, copy] of kept) assert.deepEqual(copy, original.slice(start, end));
  kept[2][2].fill(1);
  assert.deepEqual(kept[3][2], original.slice(kept[3][0], kept[3][1]));
});

Deno.test("copyMessage() copies large messages into buffers of their own", () => {
  const source = new Uint8Array(SLAB_MESSAGE_BYTES + 1);
  assert.equal(copyMessage(source, 0, source.length).buffer.byteLength, source.length);
  const small = copyMessage(source, 0, 10).buffer.byteLength;
  assert.equal(small, CAN_MARK_BUFFERS ? SLAB_BYTES : 10);
});

Deno.test("transferring a message to a worker leaves other messages intact", () => {
  const source = Uint8Array.of(1, 2, 3);
  for (const count of [0, 3]) {
    const first = copyMessage(source, 0, count);
    const second = copyMessage(source, 0, count);
    try {
      structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
    } catch {
      assert.deepEqual(structuredClone(first), source.subarray(0, count));
    }
    assert.deepEqual(second, source.subarray(0, count));
    // Fails for a detached buffer.
    new Uint8Array(3).set(second);
  }
});
