import assert from "node:assert/strict";
import { IRREGULAR, strictText } from "../../src/protobuf/reader.ts";
import type { TextReader } from "../../src/protobuf/short_text.ts";
import { generateJoin, joinInBlocks, wideText } from "../../src/protobuf/wide_text.ts";

const utf8 = new TextEncoder();
const noLonger: TextReader = () => "by the other reader";
const FORMS = { generated: generateJoin(), "in blocks": joinInBlocks };

/** Reads bytes that stand between others. */
function read(reader: TextReader, bytes: Uint8Array): string {
  const all = new Uint8Array(bytes.length + 8).fill(0xbf);
  all.set(bytes, 4);
  return reader(all, 4, bytes.length);
}

for (const [name, join] of Object.entries(FORMS)) {
  Deno.test(`text of up to 28 bytes is read without the runtime's decoder: ${name}`, () => {
    const reader = wideText(join, noLonger);
    // The first and the last character of each length, and around the surrogates (RFC 3629 §3).
    const edges = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xffff, 0x10000, 0x10ffff];
    for (const code of edges) {
      const character = String.fromCodePoint(code);
      for (let bytes = utf8.encode(character).length; bytes <= 28; bytes++) {
        const text = character + "a".repeat(bytes - utf8.encode(character).length);
        assert.equal(read(reader, utf8.encode(text)), text);
      }
    }
    for (const text of ["Grüße aus Köln", "東京都港区", "😀😃😄😁😆😅😂", "é".repeat(14)]) {
      assert.equal(read(reader, utf8.encode(text)), text);
    }
    assert.equal(read(reader, utf8.encode("é".repeat(15))), "by the other reader");
    assert.equal(read(reader, new Uint8Array()), "by the other reader");
  });

  Deno.test(`sequences of one to four bytes are read or refused as by TextDecoder: ${name}`, () => {
    const reader = wideText(join, strictText);
    const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    // The bounds of first and of further bytes, and their neighbours (RFC 3629 §4).
    const firsts = [
      ...[0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef],
      ...[0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff],
    ];
    const further = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
    const check = (bytes: Uint8Array) => {
      let expected: string | undefined;
      try {
        expected = fatal.decode(bytes);
      } catch {
        // Refused.
      }
      let text: string | undefined;
      try {
        text = read(reader, bytes);
      } catch (error) {
        assert.equal(error, IRREGULAR);
      }
      assert.equal(text, expected, bytes.toHex());
    };
    for (const first of firsts) {
      check(Uint8Array.of(first));
      for (const second of further) {
        check(Uint8Array.of(first, second));
        for (const third of further) {
          check(Uint8Array.of(first, second, third));
          if (first < 0xf0) continue;
          for (const fourth of further) check(Uint8Array.of(first, second, third, fourth));
        }
      }
    }
  });
}
