/**
 * Writes the parts of JSON forwards: each helper takes the position of its part and returns the position after it.
 *
 * Positions beyond the buffer are allowed: bytes written there are lost, and the position states how many are needed.
 *
 * @module
 */

import { utf8 } from "./strings.ts";

const encoder = new TextEncoder();
// Longest text, in UTF-16 code units, that a loop copies faster than a call into the runtime.
const LOOP_CHARS = 55;
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const HEX = encoder.encode("0123456789abcdef");
const REPLACEMENT = 0xfffd;
/** Letters of the short escapes, by code; 0 for controls without one (RFC 8259 §7). */
const LETTERS = new Uint8Array(32);
for (const [letter, code] of Object.entries({ b: 8, t: 9, n: 10, f: 12, r: 13 })) {
  LETTERS[code] = letter.charCodeAt(0);
}
/** Bytes that a character of ASCII takes in a string. */
const ASCII_BYTES = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code < 0x20) return LETTERS[code] === 0 ? 6 : 2;
  if (code === 0x7f) return 6;
  return code === 0x22 || code === 0x5c ? 2 : 1;
});
const MAX_SMALL = BigInt(Number.MAX_SAFE_INTEGER);

/** Writes ASCII text as it is. */
export function ascii(b: Uint8Array, p: number, value: string): number {
  const { length } = value;
  if (length > LOOP_CHARS) {
    if (p + length <= b.length) encoder.encodeInto(value, b.subarray(p, p + length));
  } else {
    for (let i = 0; i < length; i++) b[p + i] = value.charCodeAt(i);
  }
  return p + length;
}

/** Writes bytes as they are. */
export function raw(b: Uint8Array, p: number, data: Uint8Array): number {
  for (let i = 0; i < data.length; i++) b[p + i] = data[i];
  return p + data.length;
}

/**
 * Writes text as a string of JSON. Controls and characters that are invisible or change the direction of text are
 * escaped, so that JSON can be printed and logged; half of a surrogate pair becomes U+FFFD, as in TextEncoder.
 */
export function string(b: Uint8Array, p: number, value: string): number {
  const { length } = value;
  b[p++] = 0x22;
  if (length <= LOOP_CHARS) {
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
        return escaped(b, p + i, value, i);
      }
      b[p + i] = code;
    }
    p += length;
  } else if (PLAIN.test(value)) {
    if (p + length <= b.length) encoder.encodeInto(value, b.subarray(p, p + length));
    p += length;
  } else if (p + length > b.length) {
    // Writing beyond the buffer takes longer than counting.
    return p + escapedBytes(value) + 1;
  } else return escaped(b, p, value, 0);
  b[p++] = 0x22;
  return p;
}

/** Returns how many bytes {@link escaped} writes for a text, without the quote. */
function escapedBytes(value: string): number {
  let bytes = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x80) bytes += ASCII_BYTES[code];
    else if ((code & 0xf800) === 0xd800) {
      const paired = code < 0xdc00 && (value.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
      bytes += paired ? 4 : 3;
      if (paired) i++;
    } else if (isUnprintable(code)) bytes += 6;
    else bytes += code < 0x800 ? 2 : 3;
  }
  return bytes;
}

/** Writes the rest of a text, from its code unit `i`, and the closing quote. */
function escaped(b: Uint8Array, p: number, value: string, i: number): number {
  for (; i < value.length; i++) {
    let code = value.charCodeAt(i);
    if (code < 0x80) {
      if (code >= 0x20 && code !== 0x7f) {
        if (code === 0x22 || code === 0x5c) b[p++] = 0x5c;
        b[p++] = code;
        continue;
      }
      b[p] = 0x5c;
      if (code < 0x20 && LETTERS[code] !== 0) {
        b[p + 1] = LETTERS[code];
        p += 2;
        continue;
      }
      b[p + 1] = 0x75;
      b[p + 2] = b[p + 3] = 0x30;
      b[p + 4] = 0x30 + (code >> 4);
      b[p + 5] = HEX[code & 15];
      p += 6;
      continue;
    }
    if ((code & 0xf800) === 0xd800) {
      const low = value.charCodeAt(i + 1);
      if (code < 0xdc00 && (low & 0xfc00) === 0xdc00) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
        i++;
      } else code = REPLACEMENT;
    } else if (isUnprintable(code)) {
      p = unicodeEscape(b, p, code);
      continue;
    }
    p = utf8(b, p, code);
  }
  b[p++] = 0x22;
  return p;
}

/** Whether a character that is not ASCII is a control, invisible, or changes the direction of text (UAX #9). */
function isUnprintable(code: number): boolean {
  if (code < 0xa0) return true;
  if (code < 0x2000) return code === 0x061c || code === 0x180e;
  if (code < 0x2070) {
    return code === 0x200b || code === 0x200e || code === 0x200f ||
      (code >= 0x2028 && code <= 0x202e) || code >= 0x2060;
  }
  return code === 0xfeff || (code >= 0xfff9 && code <= 0xfffb);
}

function unicodeEscape(b: Uint8Array, p: number, code: number): number {
  b[p++] = 0x5c;
  b[p++] = 0x75;
  for (let shift = 12; shift >= 0; shift -= 4) b[p++] = HEX[code >> shift & 15];
  return p;
}

/** Writes a whole number of at most 2^53 - 1. */
export function whole(b: Uint8Array, p: number, value: number): number {
  if (value < 0) {
    b[p++] = 0x2d;
    value = -value;
  }
  if (value < 10) {
    b[p] = 0x30 + value;
    return p + 1;
  }
  let end = p + 2;
  for (let limit = 100; value >= limit; limit *= 10) end++;
  let at = end;
  for (; value > 0x7fffffff; value = Math.floor(value / 10)) b[--at] = 0x30 + value % 10;
  while (at > p) {
    const rest = value / 10 | 0;
    b[--at] = 0x30 + value - 10 * rest;
    value = rest;
  }
  return end;
}

/** Writes a 64-bit number as a string. */
export function long(b: Uint8Array, p: number, value: bigint): number {
  b[p++] = 0x22;
  p = value <= MAX_SMALL && value >= -MAX_SMALL
    ? whole(b, p, Number(value))
    : ascii(b, p, value.toString());
  b[p++] = 0x22;
  return p;
}

/** Writes a double; NaN and the infinities as strings. */
export function double(b: Uint8Array, p: number, value: number): number {
  if ((value | 0) === value && (value !== 0 || 1 / value > 0)) return whole(b, p, value);
  if (Number.isFinite(value)) return ascii(b, p, Object.is(value, -0) ? "-0" : String(value));
  return string(b, p, String(value));
}

/** Writes `true` or `false`. */
export function boolean(b: Uint8Array, p: number, value: boolean): number {
  return ascii(b, p, value ? "true" : "false");
}

/** Writes `null`. */
export function nothing(b: Uint8Array, p: number): number {
  return ascii(b, p, "null");
}
