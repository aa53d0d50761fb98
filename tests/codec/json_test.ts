import assert from "node:assert/strict";
import { jsonCodec } from "../../src/codec/json.ts";

Deno.test("jsonCodec() round trips values and rejects those that JSON lacks", () => {
  const codec = jsonCodec<{ a: number[] }>();
  assert.deepEqual(codec.decode(codec.encode({ a: [1, 2] })), { a: [1, 2] });
  assert.throws(() => codec.encode(undefined as never), TypeError);
  assert.throws(() => codec.decode(new Uint8Array([0xff])));
});
