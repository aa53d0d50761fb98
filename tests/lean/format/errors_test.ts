import assert from "node:assert/strict";
import {
  errorValue,
  NOT_PROCESSED,
  readError,
  textBytes,
} from "../../../src/lean/format/errors.ts";
import { hex } from "../harness.ts";

Deno.test("errorValue() encodes code, flags, text length and text", () => {
  assert.deepEqual(errorValue(8, NOT_PROCESSED, "no"), hex("08 01 0002 6e6f"));
});

Deno.test("readError() undoes errorValue(), and refuses lengths that disagree", () => {
  const value = errorValue(5, NOT_PROCESSED, "nothing: ☃");
  const expected = { code: 5, notProcessed: true, message: "nothing: ☃" };
  assert.deepEqual(readError(value, 0, value.length), expected);
  for (let bytes = 0; bytes < value.length; bytes++) {
    assert.equal(readError(value, 0, bytes), undefined);
  }
});

Deno.test("textBytes() truncates texts to 8,192 bytes", () => {
  assert.equal(textBytes("x".repeat(8_192)).length, 8_192);
  assert.equal(textBytes("x".repeat(8_193)).length, 8_192);
});
