import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OrderListSchema, OrderSchema } from "../../proto/gen/bench/orders_pb.ts";
import { decoderOf } from "../../src/protobuf/decoder.ts";

const decode = decoderOf(OrderSchema, true);

/** The field `labels` (4) with one entry of a key and an empty value. */
const entry = (...key: number[]) => Uint8Array.of(0x22, key.length + 2, 0x0a, key.length, ...key);

Deno.test("decoderOf() does not take a key of a map for the one with the same code units", () => {
  assert.deepEqual(decode(entry(0xc3, 0xa9)).labels, { "é": "" });
  assert.deepEqual(decode(entry(0x65)).labels, { e: "" });
  // The byte E9 is the code unit of é, but not UTF-8.
  assert.throws(() => decode(entry(0xe9)), /malformed/);
  // Many keys, several of which share a place in the table of kept keys.
  for (const round of [0, 1]) {
    for (let i = 0; i < 2000; i++) {
      const key = `${"k".repeat(i % 30)}${i}`;
      const bytes = toBinary(OrderSchema, create(OrderSchema, { labels: { [key]: `${round}` } }));
      assert.deepEqual(decode(bytes).labels, { [key]: `${round}` });
    }
  }
});

Deno.test("decoderOf() makes lists of any length, in one run or with other fields in between", () => {
  for (let length = 0; length <= 20; length++) {
    const history = Array.from({ length }, (_, i) => i * 100 - 300);
    const order = {
      items: history.map((nanos) => ({ price: { nanos }, tags: history.map(String) })),
      history,
    };
    const bytes = toBinary(OrderSchema, create(OrderSchema, order));
    const expected = fromBinary(OrderSchema, bytes);
    assert.deepEqual(decode(bytes), expected);
    const twice = Uint8Array.of(...bytes, ...bytes);
    assert.deepEqual(decode(twice), fromBinary(OrderSchema, twice));
  }
});

Deno.test("decoderOf() reads no field past the end of its message", () => {
  // Two orders of which the first ends with the id, and the second starts with the tag of the field after it.
  const bytes = Uint8Array.of(0x0a, 3, 0x0a, 1, 0x61, 0x0a, 2, 0x12, 0);
  const decoded = decoderOf(OrderListSchema, true)(bytes);
  assert.deepEqual(decoded, fromBinary(OrderListSchema, bytes));
  // An item of three bytes that ends before its tags, with the tag of an item behind it.
  const items = Uint8Array.of(0x1a, 3, 0x0a, 1, 0x61, 0x1a, 0, 0x1a, 2, 0x18, 5);
  assert.deepEqual(decode(items), fromBinary(OrderSchema, items));
});
