import assert from "node:assert/strict";
import { textCodec } from "../../src/codec/text.ts";

Deno.test("textCodec round trips text and rejects bytes that are not UTF-8", () => {
  assert.equal(textCodec.decode(textCodec.encode("grüß 🙂")), "grüß 🙂");
  assert.throws(() => textCodec.decode(new Uint8Array([0xff])), TypeError);
  assert.throws(() => textCodec.encode(1 as never), TypeError);
});
