import assert from "node:assert/strict";
import { bytesEqual, toHex } from "../../src/attestation/hex.ts";

Deno.test("toHex() returns two lower-case digits for each byte", () => {
  assert.equal(toHex(Uint8Array.of(0, 10, 255)), "000aff");
});

Deno.test("bytesEqual() compares length and content", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assert.ok(bytesEqual(bytes, bytes.slice()));
  assert.ok(!bytesEqual(bytes, bytes.subarray(0, 2)));
  assert.ok(!bytesEqual(bytes, Uint8Array.of(1, 2, 4)));
});
