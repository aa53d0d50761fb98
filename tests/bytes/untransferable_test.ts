import assert from "node:assert/strict";
import { CAN_MARK_BUFFERS, markAsUntransferable } from "../../src/bytes/untransferable.ts";

Deno.test("CAN_MARK_BUFFERS tells whether a marked buffer can be transferred", () => {
  const buffer = new Uint8Array([1, 2, 3]).buffer;
  markAsUntransferable(buffer);
  assert.deepEqual(new Uint8Array(structuredClone(buffer)), new Uint8Array([1, 2, 3]));
  try {
    structuredClone(buffer, { transfer: [buffer] });
  } catch {
    assert.equal(CAN_MARK_BUFFERS, true);
  }
  assert.equal(buffer.byteLength, CAN_MARK_BUFFERS ? 3 : 0);
});
