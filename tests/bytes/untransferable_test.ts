import assert from "node:assert/strict";
import { markAsUntransferable } from "../../src/bytes/untransferable.ts";

Deno.test("a marked buffer can be copied, but not transferred", () => {
  const buffer = new Uint8Array([1, 2, 3]).buffer;
  markAsUntransferable(buffer);
  assert.throws(() => structuredClone(buffer, { transfer: [buffer] }));
  assert.deepEqual(new Uint8Array(structuredClone(buffer)), new Uint8Array([1, 2, 3]));
});
