import assert from "node:assert/strict";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { decodeBase64, decodeBase64Group, encodeBase64 } from "../../src/bytes/base64.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

function expected(text: string): Uint8Array | undefined {
  try {
    return base64Decode(text);
  } catch {
    return undefined;
  }
}

Deno.test("decodeBase64() accepts what protobuf-es does: either alphabet, padding, white space", () => {
  const alphabet = [..."AQgw59+/-_=", " ", "\n", "*", "é"];
  let seed = 1;
  const next = (below: number) => (seed = seed * 48_271 % 2_147_483_647) % below;
  for (let i = 0; i < 20_000; i++) {
    const length = next(14);
    // Most characters are digits, so that most texts are base64.
    const text = Array.from({ length }, () => alphabet[next(next(8) === 0 ? 15 : 10)]).join("");
    const bytes = ascii(`xx${text}xx`);
    assert.deepEqual(decodeBase64(bytes, 2, bytes.length - 2), expected(text), text);
  }
});

Deno.test("decodeBase64() decodes all bytes, and gives text without padding a buffer of its length", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let length = 0; length <= 256; length++) {
    const bytes = all.subarray(0, length);
    for (const alphabet of ["base64", "base64url"] as const) {
      for (const omitPadding of [false, true]) {
        const text = ascii(bytes.toBase64({ alphabet, omitPadding }));
        const decoded = decodeBase64(text, 0, text.length)!;
        assert.deepEqual(decoded, bytes);
        assert.equal(decoded.buffer.byteLength, length);
      }
    }
  }
});

Deno.test("encodeBase64() encodes all bytes with padding, and counts what does not fit", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i * 7);
  for (let length = 0; length <= 256; length++) {
    const bytes = all.subarray(256 - length);
    const expected = ascii(bytes.toBase64());
    const b = new Uint8Array(expected.length + 2);
    assert.equal(encodeBase64(b, 1, bytes), expected.length + 1);
    assert.deepEqual(b.subarray(1, -1), expected);
    assert.equal(b[0] + b[b.length - 1], 0);
    assert.equal(encodeBase64(b.subarray(0, length), 0, bytes), expected.length);
  }
});

Deno.test("decodeBase64Group() accepts one group as the runtime's strict decoder does", () => {
  const chars = [..."AQgw8/+=-_ \n"];
  const bytes = new Uint8Array(3);
  for (let i = 0; i < chars.length ** 4; i++) {
    const text = [0, 1, 2, 3].map((k) => chars[Math.floor(i / chars.length ** k) % chars.length])
      .join("");
    let strict: Uint8Array = new Uint8Array(0);
    try {
      if (!/\s/.test(text)) {
        strict = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
      }
    } catch {
      // Not base64.
    }
    const count = decodeBase64Group(ascii(text), 0, bytes, 0);
    assert.deepEqual(bytes.slice(0, count), strict, text);
  }
});
