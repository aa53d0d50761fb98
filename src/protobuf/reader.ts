/**
 * Reads the parts of protobuf's binary format: varints, fixed-width numbers, text, unknown fields.
 *
 * Decoding runs no code of the user, so that one {@link cursor} can serve all decoders of a thread.
 *
 * @module
 */

import { noBytes } from "../bytes/empty.ts";

/** Thrown for bytes that need the slower decoder, which accepts them or describes the problem. */
export const IRREGULAR: unique symbol = Symbol("irregular");

/** Field that its message type does not define, as protobuf-es keeps it. */
export interface UnknownField {
  readonly no: number;
  readonly wireType: number;
  /** Bytes after the tag, including a length prefix. */
  readonly data: Uint8Array;
}

/** Wire types (protobuf encoding guide, "Message Structure"). */
export const Wire = { VARINT: 0, I64: 1, LEN: 2, SGROUP: 3, EGROUP: 4, I32: 5 } as const;

/** Limit on the nesting of messages, counting the outermost; protobuf's default. */
export const MAX_DEPTH = 100;

/** Position from which helpers read, and which they advance; and the units of memory that messages may still take. */
export const cursor = { at: 0, left: 0 };

/** Memory of messages in one unit of {@link cursor}'s `left`, in bytes. */
export const UNIT_BYTES = 32;
// 64 MiB, so that lists of wide types with few fields set are far from the bound, too.
const FREE_UNITS = 2_097_152;
// An unknown field is an object and a view.
const UNKNOWN_UNITS = 5;

/**
 * Begins to decode `b`. Its messages may take 64 MiB of memory, and 32 bytes for each byte of `b`: without a bound two
 * bytes make an empty message, which takes a kilobyte if its type has many lists and maps.
 */
export function begin(b: Uint8Array): void {
  cursor.at = 0;
  cursor.left = FREE_UNITS + b.length;
}

/** Takes units from what is left. */
export function take(units: number): void {
  if ((cursor.left -= units) < 0) throw IRREGULAR;
}

/** Failure to decode messages that take more memory than {@link begin} allows. */
export class MessageMemoryError extends Error {
  /** Makes the error for a message of type `typeName` in `b`. */
  constructor(typeName: string, b: Uint8Array) {
    const mebibytes = Math.round((FREE_UNITS + b.length) * UNIT_BYTES / 1_048_576);
    super(
      `Cannot decode ${typeName}: the messages in ${b.length} bytes would take more than ${mebibytes} MiB`,
    );
  }
}

/** Integers of one byte as 64-bit numbers, so that lists of them need no memory for each. */
export const smallLongs: readonly bigint[] = Array.from({ length: 128 }, (_, i) => BigInt(i));
/** The same in zigzag form. */
export const smallSignedLongs: readonly bigint[] = smallLongs.map((value) =>
  value & 1n ? -(value >> 1n) - 1n : value >> 1n
);

// Eight bytes, in which the halves of 64-bit numbers are put together.
const words = new Int32Array(2);
const signed = new BigInt64Array(words.buffer);
const unsigned = new BigUint64Array(words.buffer);
const doubles = new Float64Array(words.buffer);
const floats = new Float32Array(words.buffer);
// Place of the low half: 1 on a big-endian machine.
const LOW = new Uint8Array(Int32Array.of(1).buffer)[0] === 1 ? 0 : 1;
const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

/** The low 32 bits of a varint of up to ten bytes, as a signed number. */
export function varint32(b: Uint8Array): number {
  let p = cursor.at;
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = b[p++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.at = p;
      return value;
    }
  }
  for (let i = 0; i < 5; i++) {
    if (b[p++] < 0x80) {
      cursor.at = p;
      return value;
    }
  }
  throw IRREGULAR;
}

/**
 * A length: a varint of up to ten bytes that fits into 32 bits. A longer one is past the end of any message, whatever its
 * low bits are.
 */
export function length(b: Uint8Array): number {
  const start = cursor.at;
  if (b[start] < 0x80) {
    cursor.at = start + 1;
    return b[start];
  }
  const value = varint32(b) >>> 0;
  const end = cursor.at;
  for (let p = start + 4; p < end; p++) {
    if ((b[p] & (p === start + 4 ? 0x70 : 0x7f)) !== 0) throw IRREGULAR;
  }
  return value;
}

/** Reads a varint of up to ten bytes into `words`. */
function varint64(b: Uint8Array): void {
  let p = cursor.at;
  let byte = b[p++];
  let low = byte & 0x7f;
  for (let shift = 7; byte > 0x7f && shift < 28; shift += 7) {
    byte = b[p++];
    low |= (byte & 0x7f) << shift;
  }
  let high = 0;
  if (byte > 0x7f) {
    byte = b[p++];
    low |= byte << 28;
    high = byte >>> 4 & 7;
    for (let shift = 3; byte > 0x7f; shift += 7) {
      if (shift > 31) throw IRREGULAR;
      byte = b[p++];
      high |= (byte & 0x7f) << shift;
    }
  }
  // Past the end of the input.
  if (byte === undefined) throw IRREGULAR;
  cursor.at = p;
  words[LOW] = low;
  words[1 - LOW] = high;
}

/** A varint as a signed 64-bit number. */
export function int64(b: Uint8Array): bigint {
  const first = b[cursor.at];
  if (first < 128) {
    cursor.at++;
    return smallLongs[first];
  }
  varint64(b);
  return signed[0];
}

/** A varint as an unsigned 64-bit number. */
export function uint64(b: Uint8Array): bigint {
  const first = b[cursor.at];
  if (first < 128) {
    cursor.at++;
    return smallLongs[first];
  }
  varint64(b);
  return unsigned[0];
}

/** A varint in zigzag form as a signed 64-bit number. */
export function sint64(b: Uint8Array): bigint {
  const first = b[cursor.at];
  if (first < 128) {
    cursor.at++;
    return smallSignedLongs[first];
  }
  varint64(b);
  const value = unsigned[0];
  return value & 1n ? -(value >> 1n) - 1n : value >> 1n;
}

/** Whether a varint is not zero. */
export function bool(b: Uint8Array): boolean {
  varint64(b);
  return words[0] !== 0 || words[1] !== 0;
}

function word(b: Uint8Array, p: number): number {
  return b[p] | b[p + 1] << 8 | b[p + 2] << 16 | b[p + 3] << 24;
}

/** Reads eight bytes at `p`, little-endian, into `words`. */
function load(b: Uint8Array, p: number): void {
  words[LOW] = word(b, p);
  words[1 - LOW] = word(b, p + 4);
}

/** The little-endian double at `p`; meaningless past the end of the input, which the caller detects. */
export function double(b: Uint8Array, p: number): number {
  load(b, p);
  return doubles[0];
}

/** The little-endian float at `p`. */
export function float(b: Uint8Array, p: number): number {
  words[0] = word(b, p);
  return floats[0];
}

/** The little-endian signed 64-bit number at `p`. */
export function sfixed64(b: Uint8Array, p: number): bigint {
  load(b, p);
  return signed[0];
}

/** The little-endian unsigned 64-bit number at `p`. */
export function fixed64(b: Uint8Array, p: number): bigint {
  load(b, p);
  return unsigned[0];
}

/** A tag: at most five bytes that fit into 32 bits. */
export function tag(b: Uint8Array): number {
  const start = cursor.at;
  if (b[start] < 0x80) {
    cursor.at = start + 1;
    return b[start];
  }
  const value = varint32(b) >>> 0;
  const bytes = cursor.at - start;
  if (bytes > 5 || (bytes === 5 && b[cursor.at - 1] > 0x0f)) throw IRREGULAR;
  return value;
}

/** The `n` bytes at `p`, a view of the input. */
export function bytes(b: Uint8Array, p: number, n: number): Uint8Array {
  if (n === 0) return noBytes();
  // `subarray` is slower, and of a Node Buffer it returns another Buffer.
  return new Uint8Array(b.buffer, b.byteOffset + p, n);
}

/** The text in `n` bytes at `p`, which must be UTF-8; needs nothing but TextDecoder. */
export function strictText(b: Uint8Array, p: number, n: number): string {
  try {
    return fatal.decode(bytes(b, p, n));
  } catch {
    throw IRREGULAR;
  }
}

/** Longest key of a map that is kept for reuse, in bytes. */
const MAX_KEPT_KEY = 24;
const KEPT_KEYS = 256;
const keptKeys: string[] = Array.from({ length: KEPT_KEYS }, () => "");

/**
 * The map key in `n` bytes at `p`, read by `text` unless one of the last keys was the same. V8 looks a new string up in
 * a table of all keys when it first names a property, which takes longer than comparing it here.
 */
export function key(
  b: Uint8Array,
  p: number,
  n: number,
  text: (b: Uint8Array, p: number, n: number) => string,
): string {
  if (n > MAX_KEPT_KEY || n === 0) return text(b, p, n);
  const slot = (b[p] * 5 + b[p + (n >> 1)] * 17 + b[p + n - 1] * 3 + n) & KEPT_KEYS - 1;
  const kept = keptKeys[slot];
  if (kept.length === n) {
    let i = 0;
    while (i < n && kept.charCodeAt(i) === b[p + i]) i++;
    if (i === n) return kept;
  }
  const value = text(b, p, n);
  // Of other text than ASCII the length differs: its code units can't be compared with bytes.
  if (value.length === n) keptKeys[slot] = value;
  return value;
}

/**
 * The number of length-delimited values with the same one-byte tag of which the first, without its tag, is at `p`; 0 for
 * more than 8, or if one is not short.
 */
export function count(b: Uint8Array, p: number, e: number, tag: number): number {
  for (let n = 1; n <= 8; n++) {
    let size = b[p++];
    if (size > 127) {
      const high = b[p++];
      if (high > 127) return 0;
      size = size & 0x7f | high << 7;
    }
    p += size;
    if (!(p < e) || b[p++] !== tag) return n;
  }
  return 0;
}

/** The number of varints between `p` and `e`; 0 for more than 8. */
export function countVarints(b: Uint8Array, p: number, e: number): number {
  let n = 0;
  for (; p < e; p++) {
    if (b[p] < 128 && ++n > 8) return 0;
  }
  return n;
}

// Bytes of packed varints from which their list is made in its length: growing it would take most of the time.
const LONG_LIST_BYTES = 4_096;

/** A list for the varints between `p` and `e`: of their number, filled with `zero`, if they are many; else empty. */
export function longList<T>(b: Uint8Array, p: number, e: number, zero: T): T[] {
  if (e - p < LONG_LIST_BYTES) return [];
  let count = 0;
  for (; p < e; p++) if (b[p] < 128) count++;
  return new Array<T>(count).fill(zero);
}

/** The text in `n` bytes at `p`, with U+FFFD for what is not UTF-8. */
export function lossyText(b: Uint8Array, p: number, n: number): string {
  return lossy.decode(bytes(b, p, n));
}

/** Moves the cursor past the value of a field; `e` is where the message ends. */
export function skip(b: Uint8Array, e: number, tag: number, depth: number): void {
  switch (tag & 7) {
    case Wire.VARINT:
      varint32(b);
      break;
    case Wire.I64:
      cursor.at += 8;
      break;
    case Wire.I32:
      cursor.at += 4;
      break;
    case Wire.LEN: {
      const bytes = length(b);
      cursor.at += bytes;
      break;
    }
    case Wire.SGROUP:
      skipGroup(b, e, tag + 1, depth);
      break;
    default:
      throw IRREGULAR;
  }
  if (cursor.at > e) throw IRREGULAR;
}

function skipGroup(b: Uint8Array, e: number, endTag: number, depth: number): void {
  if (depth <= 0) throw IRREGULAR;
  while (cursor.at < e) {
    const next = tag(b);
    if (next === endTag) return;
    if (next < 8) throw IRREGULAR;
    skip(b, e, next, depth - 1);
  }
  throw IRREGULAR;
}

/** Adds the field at the cursor, whose tag was already read, to the unknown fields of its message. */
export function keepUnknown(
  b: Uint8Array,
  e: number,
  tag: number,
  depth: number,
  list: UnknownField[] | undefined,
): UnknownField[] {
  if (tag < 8) throw IRREGULAR;
  take(UNKNOWN_UNITS);
  const start = cursor.at;
  skip(b, e, tag, depth - 1);
  const field = { no: tag >>> 3, wireType: tag & 7, data: bytes(b, start, cursor.at - start) };
  if (list === undefined) return [field];
  list.push(field);
  return list;
}

/** Sets an entry of a map; also for the key `__proto__`. */
export function setEntry(map: Record<string, unknown>, key: PropertyKey, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else map[key as string] = value;
}
