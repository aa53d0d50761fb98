import assert from "node:assert/strict";
import { bytesCodec } from "../../src/codec/bytes.ts";

Deno.test("bytesCodec passes bytes through and rejects anything else", () => {
  const bytes = new Uint8Array([1, 2]);
  assert.equal(bytesCodec.encode(bytes), bytes);
  assert.equal(bytesCodec.decode(bytes), bytes);
  assert.throws(() => bytesCodec.encode("x" as never), TypeError);
});
