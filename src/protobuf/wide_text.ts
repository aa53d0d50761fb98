/**
 * Reads short text with other characters than ASCII: for up to 28 bytes a call of the runtime's decoder takes three to
 * ten times as long as decoding them here.
 *
 * @module
 */

import type { TextReader } from "./short_text.ts";

/** Returns the text of the first `count` of the {@link units}, 1 to 28. */
export type Join = (count: number) => string;

/** Longest text that is read here, in bytes. */
const MAX_BYTES = 28;
const fromCharCode = String.fromCharCode;
/** The UTF-16 code units of the text that was read last. */
const units = new Uint16Array(MAX_BYTES);

/** Returns a function that reads text of up to 28 bytes, made by `join`; other text, and malformed text, by `long`. */
export function wideText(join: Join, long: TextReader): TextReader {
  return (b, p, n) => {
    if (n === 0 || n > MAX_BYTES) return long(b, p, n);
    const count = decode(b, p, p + n);
    return count > 0 ? join(count) : long(b, p, n);
  };
}

/** Puts the code units of the UTF-8 between `p` and `end` into `units`; returns their number, 0 if it is malformed. */
function decode(b: Uint8Array, p: number, end: number): number {
  let count = 0;
  while (p < end) {
    const first = b[p++];
    if (first < 0x80) {
      units[count++] = first;
      continue;
    }
    // Each byte after the first is 10xxxxxx; what is not becomes larger than 0x3f (RFC 3629 §3).
    const second = b[p++] ^ 0x80;
    if (first < 0xe0) {
      // 0xc0 and 0xc1 would begin overlong forms.
      if (first < 0xc2 || second > 0x3f) return 0;
      units[count++] = (first & 0x1f) << 6 | second;
      continue;
    }
    const third = b[p++] ^ 0x80;
    if (first < 0xf0) {
      const code = (first & 0x0f) << 12 | second << 6 | third;
      // Overlong, or half of a surrogate pair.
      if ((second | third) > 0x3f || code < 0x800 || (code & 0xf800) === 0xd800) return 0;
      units[count++] = code;
      continue;
    }
    const fourth = b[p++] ^ 0x80;
    const code = (first & 0x0f) << 18 | second << 12 | third << 6 | fourth;
    if ((second | third | fourth) > 0x3f || code < 0x10000 || code > 0x10ffff) return 0;
    units[count++] = 0xd7c0 + (code >>> 10);
    units[count++] = 0xdc00 | code & 0x3ff;
  }
  // A character that is cut off has taken bytes after the text.
  return p === end ? count : 0;
}

/** Makes text of `units`, eight at a time. */
export function joinInBlocks(count: number): string {
  let text = "";
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const u0 = units[i], u1 = units[i + 1], u2 = units[i + 2], u3 = units[i + 3];
    const u4 = units[i + 4], u5 = units[i + 5], u6 = units[i + 6], u7 = units[i + 7];
    text += fromCharCode(u0, u1, u2, u3, u4, u5, u6, u7);
  }
  for (; i < count; i++) text += fromCharCode(units[i]);
  return text;
}

/** Returns a function that makes text of `units` with code generated for each length; throws EvalError without. */
export function generateJoin(): Join {
  const cases = Array.from({ length: MAX_BYTES }, (_, i) => {
    const list = Array.from({ length: i + 1 }, (_, k) => `u[${k}]`);
    return `case ${i + 1}:return f(${list.join(",")});`;
  });
  const source = `return function join(n){switch(n){${cases.join("")}}}`;
  return new Function("f", "u", source)(fromCharCode, units);
}
