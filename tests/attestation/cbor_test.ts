import assert from "node:assert/strict";
import fc from "fast-check";
import { AttestationError } from "../../src/attestation/attestation_error.ts";
import { type CborValue, decodeCbor } from "../../src/attestation/cbor.ts";
import { encodeCbor } from "../../src/attestation/cbor_writer.ts";

const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));

Deno.test("decodeCbor() reads the examples of RFC 8949, appendix A, that documents can hold", () => {
  const cases: [string, CborValue][] = [
    ["00", 0],
    ["17", 23],
    ["1818", 24],
    ["1903e8", 1000],
    ["1a000f4240", 1_000_000],
    ["1b000000e8d4a51000", 1_000_000_000_000],
    ["20", -1],
    ["3863", -100],
    ["f4", false],
    ["f5", true],
    ["f6", null],
    ["40", new Uint8Array()],
    ["4401020304", Uint8Array.of(1, 2, 3, 4)],
    ["60", ""],
    ["62c3bc", "ü"],
    ["83010203", [1, 2, 3]],
    ["8301820203820405", [1, [2, 3], [4, 5]]],
    ["9fff", []],
    ["9f018202039f0405ffff", [1, [2, 3], [4, 5]]],
    ["a0", new Map()],
    ["a201020304", new Map([[1, 2], [3, 4]])],
    ["bf61610161629f0203ffff", new Map<string, CborValue>([["a", 1], ["b", [2, 3]]])],
  ];
  for (const [hex, value] of cases) assert.deepEqual(decodeCbor(bytes(hex)), value, hex);
});

Deno.test("decodeCbor() refuses what is not strict", () => {
  const cases: Record<string, string> = {
    "nothing": "",
    "bytes after the end": "0000",
    "a number in more bytes than it needs": "1817",
    "two bytes for one": "1900ff",
    "four bytes for two": "1a0000ffff",
    "eight bytes for four": "1b00000000ffffffff",
    "a length in more bytes than it needs": "580101",
    "a number over 2^53": "1b0020000000000000",
    "a reserved length": "1c",
    "a text that is not UTF-8": "61ff",
    "a string in pieces": "5f4101ff",
    "a text in pieces": "7f6161ff",
    "an integer of indefinite length": "1f",
    "a tag": "c074323031332d30332d32315432303a30343a30305a",
    "a tagged COSE_Sign1": "d28440a04040",
    "undefined": "f7",
    "a float": "f90000",
    "a simple value": "f0",
    "a break alone": "ff",
    "a break in an array of definite length": "82 01 ff",
    "a break in place of a value": "bf 01 ff",
    "a key that comes twice": "a2 01 02 01 03",
    "a key that comes twice, as text": "bf 6161 01 6161 01 ff",
    "bytes as a key": "a1 4101 02",
    "null as a key": "a1 f6 02",
    "an array as a key": "a1 80 02",
    "a string longer than the input": "5b0000000100000000",
    "an array longer than the input": "9b0000000100000000",
    "a map longer than the input": "bb0000000100000000",
    "an array without its end": "9f01",
    "nine levels": "818181818181818181 00",
    "nine levels of indefinite length": "9f9f9f9f9f9f9f9f9f ffffffffffffffffff",
  };
  for (const [name, hex] of Object.entries(cases)) {
    assert.throws(
      () => decodeCbor(bytes(hex)),
      (error) => error instanceof AttestationError && error.reason === "malformed",
      name,
    );
  }
});

Deno.test("decodeCbor() reads eight levels", () => {
  assert.deepEqual(decodeCbor(bytes("8181818181818181 00")), [[[[[[[[0]]]]]]]]);
});

Deno.test("decodeCbor() refuses every prefix, and returns views of its input", () => {
  const input = encodeCbor([
    new Map<string, CborValue>([["a", Uint8Array.of(1, 2)]]),
    "text",
    null,
  ]);
  for (let length = 0; length < input.length; length++) {
    assert.throws(() => decodeCbor(input.subarray(0, length)), AttestationError, `${length}`);
  }
  const [map] = decodeCbor(input) as [Map<string, Uint8Array>];
  input.fill(9);
  assert.deepEqual(map.get("a"), Uint8Array.of(9, 9));
});

Deno.test("decodeCbor() throws nothing but AttestationError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
    try {
      decodeCbor(input);
    } catch (error) {
      assert.ok(error instanceof AttestationError);
    }
  }));
});
