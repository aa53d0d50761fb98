import assert from "node:assert/strict";
import { bytesCodec } from "../../src/codec/bytes.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import { textCodec } from "../../src/codec/text.ts";

Deno.test("bytesCodec passes bytes through and rejects anything else", () => {
  const bytes = new Uint8Array([1, 2]);
  assert.equal(bytesCodec.encode(bytes), bytes);
  assert.equal(bytesCodec.decode(bytes), bytes);
  assert.throws(() => bytesCodec.encode("x" as never), TypeError);
});

Deno.test("jsonCodec() round trips values and rejects those that JSON lacks", () => {
  const codec = jsonCodec<{ a: number[] }>();
  assert.deepEqual(codec.decode(codec.encode({ a: [1, 2] })), { a: [1, 2] });
  assert.throws(() => codec.encode(undefined as never), TypeError);
  assert.throws(() => codec.decode(new Uint8Array([0xff])));
});

Deno.test("textCodec round trips text and rejects bytes that are not UTF-8", () => {
  assert.equal(textCodec.decode(textCodec.encode("grüß 🙂")), "grüß 🙂");
  assert.throws(() => textCodec.decode(new Uint8Array([0xff])), TypeError);
  assert.throws(() => textCodec.encode(1 as never), TypeError);
});
