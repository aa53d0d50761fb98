import assert from "node:assert/strict";
import fc from "fast-check";
import { type CborValue, decodeCbor } from "../../src/attestation/cbor.ts";
import { encodeCbor } from "../../src/attestation/cbor_writer.ts";

Deno.test("encodeCbor() writes numbers and lengths in as few bytes as they fit", () => {
  const cases: [CborValue, string][] = [
    [23, "17"],
    [24, "1818"],
    [255, "18ff"],
    [256, "190100"],
    [65_536, "1a00010000"],
    [2 ** 32, "1b0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "1b001fffffffffffff"],
    [-1, "20"],
    [-35, "3822"],
    [new Uint8Array(24), `5818${"00".repeat(24)}`],
    ["ü", "62c3bc"],
    [true, "f5"],
    [false, "f4"],
    [null, "f6"],
    [new Map<number, CborValue>([[1, [2]]]), "a1018102"],
  ];
  for (const [value, hex] of cases) assert.equal(encodeCbor(value).toHex(), hex);
});

Deno.test("decodeCbor() reverses encodeCbor()", () => {
  const leaf = fc.oneof(
    fc.maxSafeInteger(),
    fc.string({ unit: "grapheme" }),
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(null, true, false),
  );
  const key = fc.oneof(fc.maxSafeInteger(), fc.string());
  const value = fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((all) => new Map(all)),
    ),
  })).value;
  fc.assert(fc.property(value, (one) => {
    // -0 is written as 0.
    assert.deepEqual(decodeCbor(encodeCbor(one)), normal(one));
  }));
});

function normal(value: CborValue): CborValue {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(normal);
  if (value instanceof Map) {
    return new Map([...value].map(([key, one]) => [key === 0 ? 0 : key, normal(one)]));
  }
  return value;
}
