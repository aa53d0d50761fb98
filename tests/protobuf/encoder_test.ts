import assert from "node:assert/strict";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BytesValueSchema,
  Int64ValueSchema,
  StringValueSchema,
  UInt64ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { encoderOf } from "../../src/protobuf/encoder.ts";

for (const [name, generate] of [["generated", true], ["by fields", false]] as const) {
  Deno.test(`encoderOf() tries a bounded number of buffers for a message that grows: ${name}`, () => {
    let reads = 0;
    const growing = {
      get value() {
        reads++;
        return "x".repeat(20_000 * 2 ** reads);
      },
    };
    assert.throws(
      () => encoderOf(StringValueSchema, generate)(growing, false),
      { name: "TypeError", message: /fields change while it is encoded/ },
    );
    // One slab and ten buffers.
    assert.ok(reads <= 11, String(reads));
  });

  Deno.test(`encoderOf() takes a message that grows a few times, and shrinks: ${name}`, () => {
    const lengths = [10, 3_000, 40_000, 200_000, 5, 5];
    let reads = 0;
    const changing = {
      get value() {
        return new Uint8Array(lengths[Math.min(reads++, lengths.length - 1)]).fill(7);
      },
    };
    const bytes = encoderOf(BytesValueSchema, generate)(changing, false);
    assert.equal(fromBinary(BytesValueSchema, bytes).value.every((byte) => byte === 7), true);
  });

  Deno.test(`encoderOf() writes short and long text as TextEncoder does: ${name}`, () => {
    const encode = encoderOf(StringValueSchema, generate);
    // Edges of each length of UTF-8, and halves of surrogate pairs in each place (RFC 3629 §3).
    const parts = [
      ...["a", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff"],
      ...["\u{10000}", "\u{10ffff}", "\ud800", "\udbff", "\udc00", "\udfff"],
    ];
    for (const one of parts) {
      for (const other of parts) {
        for (const between of ["", "bc", "x".repeat(52), "x".repeat(60)]) {
          const value = one + between + other;
          const bytes = encode({ value }, false);
          const text = new TextEncoder().encode(value);
          assert.deepEqual(bytes.subarray(bytes.length - text.length), text);
          assert.equal(fromBinary(StringValueSchema, bytes).value, value.toWellFormed());
        }
      }
    }
  });

  Deno.test(`encoderOf() writes 64-bit numbers to the edges of their range, and no further: ${name}`, () => {
    const encode = (type: DescMessage, value: unknown) =>
      encoderOf(type, generate)({ value }, false);
    const limit = 2n ** 63n;
    for (let bits = 0n; bits < 64n; bits++) {
      for (const near of [-1n, 0n, 1n]) {
        const value = 2n ** bits + near;
        for (const signed of [value, -value]) {
          if (signed < limit && signed >= -limit) {
            const expected = toBinary(
              Int64ValueSchema,
              create(Int64ValueSchema, { value: signed }),
            );
            assert.deepEqual(encode(Int64ValueSchema, signed), expected);
            assert.deepEqual(encode(Int64ValueSchema, String(signed)), expected);
          } else assert.throws(() => encode(Int64ValueSchema, signed), /signed 64-bit integer/);
        }
        const expected = toBinary(UInt64ValueSchema, create(UInt64ValueSchema, { value }));
        assert.deepEqual(encode(UInt64ValueSchema, value), expected);
      }
    }
    for (const value of [2n ** 64n, -1n, 1.5, NaN, Infinity, "x", "", true, {}, Symbol()]) {
      assert.throws(() => encode(UInt64ValueSchema, value), /an unsigned 64-bit integer/);
    }
    for (const value of [limit, -limit - 1n, 2 ** 63, "1.5"]) {
      assert.throws(() => encode(Int64ValueSchema, value), /a signed 64-bit integer/);
    }
    assert.deepEqual(encode(Int64ValueSchema, 5), encode(Int64ValueSchema, 5n));
  });
}
