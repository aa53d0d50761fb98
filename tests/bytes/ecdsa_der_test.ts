import assert from "node:assert/strict";
import fc from "fast-check";
import { derToP1363, p1363ToDer } from "../../src/bytes/ecdsa_der.ts";

const bytes = (hex: string) => Uint8Array.fromHex(hex);

Deno.test("p1363ToDer() pads numbers whose top bit is set and strips leading zeros", () => {
  const signature = new Uint8Array(64);
  signature[31] = 0x01;
  signature[32] = 0x80;
  const der = p1363ToDer(signature);
  assert.deepEqual(der.subarray(0, 5), bytes("3026020101"));
  assert.deepEqual(der.subarray(5, 9), bytes("02210080"));
  assert.equal(der.length, 40);
});

Deno.test("p1363ToDer() rejects lengths of no curve", () => {
  for (const length of [0, 1, 63, 122]) {
    assert.throws(() => p1363ToDer(new Uint8Array(length)), RangeError);
  }
});

Deno.test("derToP1363() reverses p1363ToDer()", () => {
  for (const fieldBytes of [32, 48]) {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 2 * fieldBytes, maxLength: 2 * fieldBytes }),
        (signature) => {
          assert.deepEqual(
            derToP1363(p1363ToDer(signature), fieldBytes),
            new Uint8Array(signature),
          );
        },
      ),
    );
  }
});

Deno.test("derToP1363() accepts nothing but the canonical encoding", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (der) => {
    const signature = derToP1363(der, 32);
    if (signature !== undefined) assert.deepEqual(p1363ToDer(signature), new Uint8Array(der));
  }));
  assert.deepEqual(derToP1363(bytes("3006020101020102"), 1), new Uint8Array([1, 2]));
  for (
    const [der, why] of [
      ["", "nothing"],
      ["30060201010201", "cut"],
      ["300602010102010200", "a trailing byte"],
      ["3106020101020102", "not a sequence"],
      ["3006020181020102", "a negative number"],
      ["30070202000102010a", "a zero too many"],
      ["3006020101030102", "not an integer"],
      ["30050201010200", "an empty number"],
      ["3006020201020201", "numbers that reach beyond the end"],
      ["3007020201020201ff", "a number too long for the field"],
    ]
  ) assert.equal(derToP1363(bytes(der), 1), undefined, why);
});
