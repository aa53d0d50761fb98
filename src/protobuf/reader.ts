/**
 * Reads the parts of protobuf's binary format: varints, fixed-width numbers, text, unknown fields.
 *
 * Decoding runs no code of the user, so that one {@link cursor} can serve all decoders of a thread.
 *
 * @module
 */

import { Buffer } from "node:buffer";

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

/** Position from which helpers read, and which they advance. */
export const cursor = { at: 0 };

const scratch = new DataView(new ArrayBuffer(8));
const fatal = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const REPLACEMENT = "\ufffd";

type Slice = (this: Uint8Array, start: number, end: number) => string;
// `utf8Slice` of Node's Buffer is five times as fast as TextDecoder; Deno, Node and Bun have it, browsers don't.
const utf8Slice: Slice | undefined = (Buffer.prototype as { utf8Slice?: Slice }).utf8Slice;

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
  const value = varint32(b) >>> 0;
  const end = cursor.at;
  for (let p = start + 4; p < end; p++) {
    if ((b[p] & (p === start + 4 ? 0x70 : 0x7f)) !== 0) throw IRREGULAR;
  }
  return value;
}

/** Reads a varint of up to ten bytes into `scratch`, big-endian. */
function varint64(b: Uint8Array): void {
  let p = cursor.at;
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    const byte = b[p++];
    const bits = byte & 0x7f;
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (7 * i - 32);
    if (byte < 0x80) {
      cursor.at = p;
      scratch.setInt32(0, high);
      scratch.setInt32(4, low);
      return;
    }
  }
  throw IRREGULAR;
}

/** A varint as a signed 64-bit number. */
export function int64(b: Uint8Array): bigint {
  varint64(b);
  return scratch.getBigInt64(0);
}

/** A varint as an unsigned 64-bit number. */
export function uint64(b: Uint8Array): bigint {
  varint64(b);
  return scratch.getBigUint64(0);
}

/** A varint in zigzag form as a signed 64-bit number. */
export function sint64(b: Uint8Array): bigint {
  varint64(b);
  const value = scratch.getBigUint64(0);
  return value & 1n ? -(value >> 1n) - 1n : value >> 1n;
}

/** Whether a varint is not zero. */
export function bool(b: Uint8Array): boolean {
  varint64(b);
  return scratch.getInt32(0) !== 0 || scratch.getInt32(4) !== 0;
}

function load(b: Uint8Array, p: number, bytes: number): void {
  for (let i = 0; i < bytes; i++) scratch.setUint8(i, b[p + i]);
}

/** The little-endian double at `p`; meaningless past the end of the input, which the caller detects. */
export function double(b: Uint8Array, p: number): number {
  load(b, p, 8);
  return scratch.getFloat64(0, true);
}

/** The little-endian float at `p`. */
export function float(b: Uint8Array, p: number): number {
  load(b, p, 4);
  return scratch.getFloat32(0, true);
}

/** The little-endian signed 64-bit number at `p`. */
export function sfixed64(b: Uint8Array, p: number): bigint {
  load(b, p, 8);
  return scratch.getBigInt64(0, true);
}

/** The little-endian unsigned 64-bit number at `p`. */
export function fixed64(b: Uint8Array, p: number): bigint {
  load(b, p, 8);
  return scratch.getBigUint64(0, true);
}

/** A tag: at most five bytes that fit into 32 bits. */
export function tag(b: Uint8Array): number {
  const start = cursor.at;
  const value = varint32(b) >>> 0;
  const bytes = cursor.at - start;
  if (bytes > 5 || (bytes === 5 && b[cursor.at - 1] > 0x0f)) throw IRREGULAR;
  return value;
}

/** The `n` bytes at `p`, a view of the input. */
export function bytes(b: Uint8Array, p: number, n: number): Uint8Array {
  // `subarray` is slower, and of a Node Buffer it returns another Buffer.
  return new Uint8Array(b.buffer, b.byteOffset + p, n);
}

/** The text in `n` bytes at `p`, which must be UTF-8. */
export function longText(b: Uint8Array, p: number, n: number): string {
  if (utf8Slice !== undefined) {
    const text = utf8Slice.call(b, p, p + n);
    // Invalid UTF-8 decodes to U+FFFD. If the text contains it, TextDecoder checks whether the input did, too.
    if (!text.includes(REPLACEMENT)) return text;
  }
  try {
    return fatal.decode(bytes(b, p, n));
  } catch {
    throw IRREGULAR;
  }
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
