import assert from "node:assert/strict";
import { constants, deflateRawSync, type ZlibOptions } from "node:zlib";
import { DeflateDecoder } from "../../src/codec/deflate_decoder.ts";
import { text } from "../fixtures/bytes.ts";

const OPTIONS: readonly ZlibOptions[] = [
  ...[0, 1, 6, 9].map((level) => ({ level })),
  { strategy: constants.Z_FIXED },
  { strategy: constants.Z_HUFFMAN_ONLY },
  { strategy: constants.Z_RLE },
];

/** Octets of a linear congruential generator, changed by `change`. */
function octets(length: number, change: (octet: number) => number = (octet) => octet): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    return change(state >>> 24);
  });
}

const DATA: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(0),
  "one octet": Uint8Array.of(7),
  zeros: new Uint8Array(300_000),
  noise: octets(100_000),
  "a few letters": octets(100_000, (octet) => 97 + octet % 5),
  // Their codes are longer than the table.
  "rare letters": octets(200_000, (octet) => (octet / 255) ** 12 * 255),
  text: text(Array.from({ length: 5_000 }, (_, i) => `{"id":${i * 7_919 % 10_007}},`).join("")),
};

function decode(input: Uint8Array, outputBytes: number) {
  const output = new Uint8Array(outputBytes);
  const decoder = new DeflateDecoder(input, 0, output);
  const end = decoder.decode();
  return { end, inputAt: decoder.inputAt, bytes: output.subarray(0, decoder.outputAt) };
}

for (const [name, data] of Object.entries(DATA)) {
  Deno.test(`RFC 1951: ${name} is decoded as zlib encoded it`, () => {
    for (const options of OPTIONS) {
      const encoded = new Uint8Array(deflateRawSync(data, options));
      const behind = Uint8Array.from([...encoded, 1, 2, 3]);
      for (const input of [encoded, behind]) {
        const { end, inputAt, bytes } = decode(input, data.length);
        assert.deepEqual([end, inputAt], ["end", encoded.length]);
        assert.deepEqual(bytes, data);
      }
      if (data.length > 0) assert.equal(decode(encoded, data.length - 1).end, "full");
    }
  });
}

Deno.test("RFC 1951: cut and changed data never throws, hangs or leaves the output", () => {
  for (const data of Object.values(DATA)) {
    const encoded = new Uint8Array(deflateRawSync(data.subarray(0, 3_000)));
    for (let cut = 0; cut < encoded.length; cut++) {
      assert.notEqual(decode(encoded.subarray(0, cut), 3_000).end, "end");
    }
    for (let at = 0; at < Math.min(encoded.length, 400); at++) {
      for (const bit of [1, 8, 128]) {
        const changed = encoded.slice();
        changed[at] ^= bit;
        const { bytes } = decode(changed, 3_000);
        assert.ok(bytes.length <= 3_000);
      }
    }
  }
});

Deno.test("RFC 1951 §3.2.7: codes that zlib refuses are refused", () => {
  const bits = (...pairs: readonly (readonly [value: number, count: number])[]) => {
    const all = pairs.flatMap(([value, count]) =>
      Array.from({ length: count }, (_, i) => value >> i & 1)
    );
    return Uint8Array.from(
      { length: Math.ceil(all.length / 8) + 8 },
      (_, i) => all.slice(8 * i, 8 * i + 8).reduce((sum, bit, k) => sum | bit << k, 0),
    );
  };
  // The reserved type; 287 lengths; 31 distances; code lengths of which 19 have one bit; none at all.
  for (
    const input of [
      bits([1, 1], [3, 2]),
      bits([1, 1], [2, 2], [30, 5], [0, 5], [0, 4]),
      bits([1, 1], [2, 2], [0, 5], [30, 5], [0, 4]),
      bits([1, 1], [2, 2], [0, 5], [0, 5], [15, 4], ...Array(19).fill([1, 3])),
      bits([1, 1], [2, 2], [0, 5], [0, 5], [15, 4]),
    ]
  ) assert.equal(decode(input, 100).end, "corrupt");
  // A match that reaches before the start: fixed codes, length 3, distance 1.
  assert.equal(decode(bits([1, 1], [1, 2], [64, 7], [0, 5], [0, 7]), 100).end, "corrupt");
});
