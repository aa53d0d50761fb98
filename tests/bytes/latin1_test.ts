import assert from "node:assert/strict";
import { latin1 } from "../../src/bytes/latin1.ts";

Deno.test("latin1() makes one character per octet at every length and offset", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i * 7);
  for (let start = 0; start < 9; start++) {
    for (let end = start; end < bytes.length; end++) {
      assert.equal(latin1(bytes, start, end), String.fromCharCode(...bytes.subarray(start, end)));
    }
  }
});

Deno.test("latin1() does not refer to its input", () => {
  for (const length of [3, 15, 21, 200]) {
    const bytes = new Uint8Array(length).fill(0x61);
    const text = latin1(bytes, 0, length);
    bytes.fill(0x62);
    assert.equal(text, "a".repeat(length));
  }
});
