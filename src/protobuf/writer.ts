/**
 * Writes the parts of protobuf's binary format backwards: each helper takes the end position of its part and returns
 * the position of its first byte. The length of a part is thus known before its prefix is written.
 *
 * Positions below zero are allowed: bytes written there are lost, and the position states how many bytes are missing.
 *
 * @module
 */

import type { UnknownField } from "./reader.ts";

/** Thrown for values that need the slower encoder, which accepts them or describes the problem. */
export const UNEXPECTED: unique symbol = Symbol("unexpected");

const utf8 = new TextEncoder();
// What takes the place of half of a surrogate pair.
const REPLACEMENT = 0xfffd;
// Eight bytes, in which 64-bit numbers are taken apart.
const words = new Uint32Array(2);
const longs = new BigUint64Array(words.buffer);
const doubles = new Float64Array(words.buffer);
const floats = new Float32Array(words.buffer);
// Place of the low half: 1 on a big-endian machine.
const LOW = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
// Longest text, in UTF-16 code units, and longest run of bytes that a loop copies faster than a call into the runtime.
const LOOP_CHARS = 55;
const LOOP_BYTES = 32;

/** Writes an unsigned 32-bit number as a varint. */
export function varint(b: Uint8Array, p: number, value: number): number {
  if (value < 0x80) {
    b[--p] = value;
    return p;
  }
  const start = p - (value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5);
  let at = start;
  for (; value > 0x7f; value >>>= 7) b[at++] = value & 0x7f | 0x80;
  b[at] = value;
  return start;
}

/** Writes a signed 32-bit number as a varint; a negative number has 64 bits. */
export function int32(b: Uint8Array, p: number, value: number): number {
  return value >= 0 ? varint(b, p, value) : varint64(b, p, value >>> 0, 0xffffffff);
}

function varint64(b: Uint8Array, p: number, low: number, high: number): number {
  if (high === 0) return varint(b, p, low);
  // Number of bytes: five for the low 35 bits, and one for every seven bits above.
  let size = 5;
  for (let rest = high >>> 3; rest > 0; rest >>>= 7) size++;
  const start = p - size;
  let at = start;
  for (let i = 1; i < size; i++) {
    b[at++] = low & 0x7f | 0x80;
    low = (low >>> 7 | high << 25) >>> 0;
    high >>>= 7;
  }
  b[at] = low;
  return start;
}

/** Writes a 64-bit number, signed or not, as a varint. */
export function long(b: Uint8Array, p: number, value: bigint): number {
  if (value >= 0n && value < 0x80n) {
    b[--p] = Number(value);
    return p;
  }
  longs[0] = value;
  return varint64(b, p, words[LOW], words[1 - LOW]);
}

/** Writes a signed 64-bit number in zigzag form. */
export function zigzag64(b: Uint8Array, p: number, value: bigint): number {
  return long(b, p, value >= 0n ? value << 1n : (-value << 1n) - 1n);
}

/** Writes a 32-bit number in four bytes, little-endian. */
export function fixed32(b: Uint8Array, p: number, value: number): number {
  p -= 4;
  b[p] = value;
  b[p + 1] = value >>> 8;
  b[p + 2] = value >>> 16;
  b[p + 3] = value >>> 24;
  return p;
}

/** Writes a 64-bit number in eight bytes, little-endian. */
export function fixed64(b: Uint8Array, p: number, value: bigint): number {
  longs[0] = value;
  return store(b, p);
}

/** Writes a double, little-endian. */
export function double(b: Uint8Array, p: number, value: number): number {
  doubles[0] = value;
  return store(b, p);
}

/** Writes a float, little-endian. */
export function float(b: Uint8Array, p: number, value: number): number {
  floats[0] = value;
  return fixed32(b, p, words[0]);
}

/** Writes `words`, little-endian. */
function store(b: Uint8Array, p: number): number {
  return fixed32(b, fixed32(b, p, words[1 - LOW]), words[LOW]);
}

/** Writes bytes without their length. */
export function raw(b: Uint8Array, p: number, data: Uint8Array): number {
  const { length } = data;
  p -= length;
  if (length <= LOOP_BYTES) {
    for (let i = 0; i < length; i++) b[p + i] = data[i];
  } else if (p >= 0) b.set(data, p);
  return p;
}

/** Writes text as UTF-8 and before it its length; lone surrogates become U+FFFD, as in TextEncoder. */
export function text(b: Uint8Array, p: number, value: string): number {
  const { length } = value;
  if (length > LOOP_CHARS) return afterLength(b, p, longText(b, p, value));
  const start = p - length;
  let all = 0;
  let at = start;
  let i = 0;
  // Eight characters a turn: messages with much text take a seventh less time than one by one.
  for (; i + 8 <= length; i += 8) {
    const c0 = value.charCodeAt(i), c1 = value.charCodeAt(i + 1);
    const c2 = value.charCodeAt(i + 2), c3 = value.charCodeAt(i + 3);
    const c4 = value.charCodeAt(i + 4), c5 = value.charCodeAt(i + 5);
    const c6 = value.charCodeAt(i + 6), c7 = value.charCodeAt(i + 7);
    all |= c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7;
    b[at] = c0;
    b[at + 1] = c1;
    b[at + 2] = c2;
    b[at + 3] = c3;
    b[at + 4] = c4;
    b[at + 5] = c5;
    b[at + 6] = c6;
    b[at + 7] = c7;
    at += 8;
  }
  for (; i < length; i++) {
    const code = value.charCodeAt(i);
    all |= code;
    b[at++] = code;
  }
  if (all > 0x7f) return afterLength(b, p, shortWideText(b, p, value));
  b[start - 1] = length;
  return start - 1;
}

/** Writes the length of the bytes from `start` to `end`. */
function afterLength(b: Uint8Array, end: number, start: number): number {
  return varint(b, start, end - start);
}

/** Writes short text with other characters than ASCII: a call of TextEncoder would take longer. */
function shortWideText(b: Uint8Array, p: number, value: string): number {
  const start = p - utf8Length(value);
  let at = start;
  for (let i = 0; i < value.length; i++) {
    let code = value.charCodeAt(i);
    if (code < 0x80) {
      b[at++] = code;
      continue;
    }
    if (code < 0x800) {
      b[at++] = 0xc0 | code >> 6;
      b[at++] = 0x80 | code & 0x3f;
      continue;
    }
    if (isPair(code, value, i)) {
      code = 0x10000 + ((code & 0x3ff) << 10 | value.charCodeAt(++i) & 0x3ff);
      b[at++] = 0xf0 | code >> 18;
      b[at++] = 0x80 | code >> 12 & 0x3f;
    } else {
      if ((code & 0xf800) === 0xd800) code = REPLACEMENT;
      b[at++] = 0xe0 | code >> 12;
    }
    b[at++] = 0x80 | code >> 6 & 0x3f;
    b[at++] = 0x80 | code & 0x3f;
  }
  return start;
}

function longText(b: Uint8Array, p: number, value: string): number {
  const { length } = value;
  const start = p - length;
  if (start < 0) return start - (utf8Length(value) - length);
  // Assumes ASCII, which most text is; other text does not fit exactly and is written again.
  const { read, written } = utf8.encodeInto(value, b.subarray(start, p));
  return read === length && written === length ? start : wideText(b, p, value);
}

function wideText(b: Uint8Array, p: number, value: string): number {
  const start = p - utf8Length(value);
  if (start >= 0) utf8.encodeInto(value, b.subarray(start, p));
  return start;
}

/** Returns the length of a text in UTF-8, in bytes. */
function utf8Length(value: string): number {
  let bytes = value.length;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x80) continue;
    bytes++;
    if (code < 0x800) continue;
    bytes++;
    // A surrogate pair takes four bytes: two more than its two code units.
    if (isPair(code, value, i)) i++;
  }
  return bytes;
}

/** Whether the code unit at `i` and the next one are a surrogate pair. */
function isPair(code: number, value: string, i: number): boolean {
  return (code & 0xfc00) === 0xd800 && (value.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
}

/** Writes unknown fields, which follow all other fields in the encoded message. */
export function unknown(b: Uint8Array, p: number, fields: readonly UnknownField[]): number {
  for (let i = fields.length - 1; i >= 0; i--) {
    const { no, wireType, data } = fields[i];
    p = raw(b, p, data);
    p = varint(b, p, (no << 3 | wireType) >>> 0);
  }
  return p;
}
