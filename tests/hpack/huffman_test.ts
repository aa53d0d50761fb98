import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BAD_PADDING,
  decodeHuffman,
  encodeHuffman,
  EOS_INSIDE,
  huffmanBytes,
  maxDecodedBytes,
} from "../../src/hpack/huffman.ts";
import { CODE_BITS, CODES } from "../../src/hpack/huffman_table.ts";
import { hex } from "./support.ts";

function encoded(text: string): Uint8Array {
  const out = new Uint8Array(huffmanBytes(text));
  assert.equal(encodeHuffman(text, out, 0), out.length);
  return out;
}

function decoded(bytes: Uint8Array): string | number {
  const out = new Uint8Array(maxDecodedBytes(bytes.length));
  const length = decodeHuffman(bytes, 0, bytes.length, out);
  return length < 0 ? length : String.fromCharCode(...out.subarray(0, length));
}

const EXAMPLES: [string, string][] = [
  ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
  ["no-cache", "a8eb10649cbf"],
  ["custom-value", "25a849e95bb8e8b4bf"],
  ["302", "6402"],
  ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
  ["", ""],
];

for (const [text, digits] of EXAMPLES) {
  Deno.test(`RFC 7541 §5.2: Huffman coding of ${JSON.stringify(text)} both ways`, () => {
    assert.equal(encoded(text).toHex(), digits);
    assert.equal(decoded(hex(digits)), text);
  });
}

Deno.test("RFC 7541 appendix B: the first and last codes of each length", () => {
  const code = (octet: number) => [CODES[octet].toString(16), CODE_BITS[octet]];
  assert.deepEqual(code(0), ["1ff8", 13]);
  assert.deepEqual(code(10), ["3ffffffc", 30]);
  assert.deepEqual(code("0".charCodeAt(0)), ["0", 5]);
  assert.deepEqual(code("&".charCodeAt(0)), ["f8", 8]);
  assert.deepEqual(code("\\".charCodeAt(0)), ["7fff0", 19]);
  assert.deepEqual(code("~".charCodeAt(0)), ["1ffd", 13]);
  assert.deepEqual(code(255), ["3ffffee", 26]);
});

Deno.test("Huffman coding of every pair of octets both ways", () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const text = String.fromCharCode(first, second);
      if (decoded(encoded(text)) !== text) assert.fail(`${first}, ${second}`);
    }
  }
});

Deno.test("Huffman coding of any octets both ways", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      const text = String.fromCharCode(...octets);
      assert.equal(decoded(encoded(text)), text);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("RFC 7541 §5.2: decodeHuffman() refuses input that no text encodes to", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
      const text = decoded(octets);
      if (typeof text === "string") assert.deepEqual(encoded(text), octets);
      else assert.ok(text === BAD_PADDING || text === EOS_INSIDE);
    }),
    { numRuns: 5000 },
  );
});

const REFUSED: [string, string, number][] = [
  ["8 bits of padding", "ff", BAD_PADDING],
  ["a whole octet of padding behind text", "f1e3c2e5f23a6ba0ab90f4ffff", BAD_PADDING],
  ["27 bits of padding", "07ffffff", BAD_PADDING],
  ["zeros as padding", "00", BAD_PADDING],
  ["padding with a zero in it", "05", BAD_PADDING],
  ["a long code cut short", "fffffe", BAD_PADDING],
  ["the end-of-string symbol alone", "ffffffff", EOS_INSIDE],
  ["the end-of-string symbol behind text", "07ffffffff", EOS_INSIDE],
  ["the end-of-string symbol before text", "fffffffc07", EOS_INSIDE],
];

for (const [what, digits, reason] of REFUSED) {
  Deno.test(`RFC 7541 §5.2: decodeHuffman() refuses ${what}`, () =>
    assert.equal(decoded(hex(digits)), reason));
}

Deno.test("decodeHuffman() reads between start and end only", () => {
  const bytes = hex("00 f1e3c2e5f23a6ba0ab90f4ff 00");
  const out = new Uint8Array(32);
  const length = decodeHuffman(bytes, 1, bytes.length - 1, out);
  assert.equal(String.fromCharCode(...out.subarray(0, length)), "www.example.com");
});

Deno.test("huffmanBytes() refuses text that is not Latin-1", () => {
  assert.throws(() => huffmanBytes("a\u0100"), {
    name: "TypeError",
    message: "Cannot encode character U+0100 of a header field: only U+0000 to U+00FF are allowed",
  });
});
