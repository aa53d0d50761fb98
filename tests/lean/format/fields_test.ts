import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { encodeFields } from "../../../src/lean/format/fields.ts";

Deno.test("encodeFields() takes as much as the length can say, and no more", () => {
  const block = (value: string) => encodeFields({ headers: new Metadata({ k: value }) });
  // Kind, length, the key with its length.
  const most = 65_535 - 3 - 2;
  assert.equal(block("x".repeat(most))!.length, 2 + 65_535);
  assert.throws(() => block("x".repeat(most + 1)), RangeError);
  const keyed = (key: string) => encodeFields({ headers: new Metadata({ [key]: "v" }) });
  assert.equal(keyed("k".repeat(255))!.length, 2 + 3 + 1 + 255 + 1);
  assert.throws(() => keyed("k".repeat(256)), RangeError);
  const binary = (length: number) =>
    encodeFields({ headers: new Metadata({ "k-bin": new Uint8Array(length) }) });
  assert.throws(() => binary(65_535), RangeError);
  // What was refused leaves nothing behind.
  assert.deepEqual(block("x"), encodeFields({ headers: new Metadata({ k: "x" }) }));
});
