import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OrderListSchema, OrderSchema } from "../../proto/gen/bench/orders_pb.ts";
import { decoderOf } from "../../src/protobuf/decoder.ts";
import type { Fields } from "../../src/protobuf/shape.ts";
import { orders } from "../../bench/orders.ts";

const decodeOrder = decoderOf(OrderSchema, false);
const decodeList = decoderOf(OrderListSchema, false);
/** What a decoder makes of bytes, undefined for bytes that it refuses. */
function attempt(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

Deno.test("a message that is cut anywhere is decoded or refused as by protobuf-es", () => {
  const bytes = toBinary(OrderListSchema, create(OrderListSchema, orders(2) as never));
  for (let length = 0; length <= bytes.length; length++) {
    // A view in a larger buffer, whose bytes after the end belong to no field.
    const cut = bytes.subarray(0, length);
    const expected = attempt((b) => fromBinary(OrderListSchema, b), cut.slice());
    assert.deepEqual(attempt(decodeList, cut), expected, `${length} bytes`);
  }
});

Deno.test("numbers and lengths in longer forms than they need are read", () => {
  // State 1 in two bytes, gift in ten, and the id "a" with a length of three bytes.
  const state = Uint8Array.of(0x30, 0x81, 0);
  const gift = Uint8Array.of(0x60, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0);
  const id = Uint8Array.of(0x0a, 0x81, 0x80, 0, 0x61);
  for (const bytes of [state, gift, id, Uint8Array.of(...gift, ...id, ...state)]) {
    assert.deepEqual(decodeOrder(bytes), fromBinary(OrderSchema, bytes) as unknown as Fields);
  }
});

Deno.test("a field of another wire type than its own is kept as an unknown one", () => {
  // The state as text, the id as a number, the discount in four bytes, and a field that the type lacks.
  const cases = [[0x32, 1, 0x61], [0x08, 5], [0x5d, 1, 2, 3, 4], [0xf8, 0x3f, 1]];
  const numbers = cases.map((bytes) => {
    const { $unknown, ...others } = decodeOrder(Uint8Array.from(bytes));
    assert.deepEqual(others, decodeOrder(new Uint8Array()));
    const [{ no, wireType }] = $unknown as { no: number; wireType: number }[];
    return [no, wireType];
  });
  assert.deepEqual(numbers, [[6, 2], [1, 0], [11, 5], [1023, 0]]);
});
