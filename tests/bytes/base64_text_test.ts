import assert from "node:assert/strict";
import { base64Text, decodeLooseBase64 } from "../../src/bytes/base64_text.ts";

Deno.test("base64: the alphabets and their padding (RFC 4648 §4, §5)", () => {
  const bytes = new Uint8Array([0xfb, 0xff, 0xfe, 0x01]);
  assert.equal(base64Text(bytes), "+//+AQ==");
  assert.equal(base64Text(bytes, { omitPadding: true }), "+//+AQ");
  assert.equal(base64Text(bytes, { alphabet: "base64url" }), "-__-AQ==");
  assert.equal(base64Text(bytes, { alphabet: "base64url", omitPadding: true }), "-__-AQ");
  assert.equal(base64Text(new Uint8Array()), "");
  // A view of part of a buffer.
  assert.equal(base64Text(bytes.subarray(3)), "AQ==");
});

Deno.test("base64: loose text may have white space and no padding, and has one alphabet", () => {
  for (const text of ["+//+AQ==", "+//+AQ", " +//+\n\tAQ=\r="]) {
    assert.deepEqual(decodeLooseBase64(text), new Uint8Array([0xfb, 0xff, 0xfe, 0x01]), text);
  }
  assert.deepEqual(decodeLooseBase64("-__-AQ", "base64url"), new Uint8Array([251, 255, 254, 1]));
  for (
    const text of ["-__-AQ", "+//+A", "+//+AQ=", "+//+A===", "+//+AQ==A", "+//+AQ\u00a0==", "*"]
  ) {
    assert.equal(decodeLooseBase64(text), undefined, text);
  }
  assert.equal(decodeLooseBase64("+//+AQ", "base64url"), undefined);
});
