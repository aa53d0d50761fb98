/**
 * A faster way to read the common case of protobuf messages: those whose fields are single scalars (text,
 * bytes, numbers, enums). Anything else, unknown fields and damage included, is left to protobuf-es, which
 * starts over.
 *
 * @module
 */

import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** Reads one message, or returns undefined when it is not for this decoder. */
export type FlatDecoder = (bytes: Uint8Array) => Record<string, unknown> | undefined;

const LENGTH_DELIMITED = 2;
const VARINT = 0;
// Longer text is quicker through the runtime.
const SHORT_TEXT_BYTES = 32;

interface FlatField {
  readonly name: string;
  /** Reads the value at `position`; undefined when it isn't plain. */
  readonly read: () => unknown;
}

// What is being read. One message is read at a time, without interruption.
let source: Uint8Array = new Uint8Array(0);
let position = 0;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const long = new DataView(new ArrayBuffer(8));

/** A decoder for messages of this type, or undefined when they are not flat. */
export function compileFlatDecoder(descriptor: DescMessage): FlatDecoder | undefined {
  // By tag, that is by field number and wire type. Two bytes of tag reach to field number 2047.
  const fields = new Map<number, FlatField>();
  for (const field of descriptor.fields) {
    const read = compileField(field);
    if (!read || field.number > 2047) return undefined;
    const wireType = field.fieldKind === "scalar" && isBytes(field.scalar)
      ? LENGTH_DELIMITED
      : VARINT;
    fields.set(field.number << 3 | wireType, { name: field.localName, read });
  }
  // Most messages have few fields with small numbers: looked up without hashing.
  const small: (FlatField | undefined)[] = Array.from({ length: 128 }, (_, tag) => fields.get(tag));
  return (bytes) => {
    const message = create(descriptor) as unknown as Record<string, unknown>;
    source = bytes;
    position = 0;
    const end = bytes.length;
    while (position < end) {
      const first = bytes[position++];
      const field = first < 0x80 ? small[first] : fields.get(secondByte(first));
      if (field === undefined) return undefined;
      const value = field.read();
      if (value === undefined || position > end) return undefined;
      message[field.name] = value;
    }
    return message;
  };
}

/** The tag of two bytes; -1 when there are more. */
function secondByte(first: number): number {
  const second = source[position++];
  return second < 0x80 ? second << 7 | first & 0x7f : -1;
}

function isBytes(scalar: ScalarType): boolean {
  return scalar === ScalarType.STRING || scalar === ScalarType.BYTES;
}

function compileField(field: DescField): (() => unknown) | undefined {
  if (field.oneof) return undefined;
  if (field.fieldKind === "enum") return field.enum.open ? readInt32 : undefined;
  if (field.fieldKind !== "scalar") return undefined;
  switch (field.scalar) {
    case ScalarType.STRING:
      return field.utf8Validation ? readText : undefined;
    case ScalarType.BYTES:
      return readBytes;
    case ScalarType.BOOL:
      return readBool;
    case ScalarType.INT32:
      return readInt32;
    case ScalarType.UINT32:
      return readUint32;
    case ScalarType.INT64:
      return field.longAsString ? undefined : readInt64;
    case ScalarType.UINT64:
      return field.longAsString ? undefined : readUint64;
    default:
      return undefined;
  }
}

/** A length that fits into the message, or -1. */
function readLength(): number {
  const first = source[position];
  if (first < 0x80) {
    position++;
    return position + first <= source.length ? first : -1;
  }
  const length = readUint32();
  return length !== undefined && position + length <= source.length ? length : -1;
}

function readBytes(): Uint8Array | undefined {
  const length = readLength();
  if (length < 0) return undefined;
  const start = position;
  position += length;
  // Not subarray: a Node Buffer would make another Buffer of it, and it is slower.
  return new Uint8Array(source.buffer, source.byteOffset + start, length);
}

function readText(): string | undefined {
  const length = readLength();
  if (length < 0) return undefined;
  const start = position;
  position += length;
  if (length <= SHORT_TEXT_BYTES) {
    let text = "";
    let at = start;
    for (; at < position && source[at] < 0x80; at++) text += String.fromCharCode(source[at]);
    if (at === position) return text;
  }
  try {
    return utf8.decode(source.subarray(start, position));
  } catch {
    return undefined;
  }
}

function readBool(): boolean | undefined {
  const byte = source[position++];
  return byte < 0x80 ? byte !== 0 : undefined;
}

/** Up to five bytes; negative int32s have ten and go the long way. */
function readUint32(): number | undefined {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = source[position++];
    // Past the end it is undefined, which no comparison holds for.
    if (byte < 0x80) {
      // Bits beyond 32 would have to be dropped.
      return shift === 28 && byte > 0x0f ? undefined : (value | byte << shift) >>> 0;
    }
    value |= (byte & 0x7f) << shift;
  }
  return undefined;
}

function readInt32(): number | undefined {
  const start = position;
  const value = readUint32();
  if (value !== undefined) return value | 0;
  position = start;
  return readLong() ? long.getInt32(4) : undefined;
}

function readInt64(): bigint | undefined {
  return readLong() ? long.getBigInt64(0) : undefined;
}

function readUint64(): bigint | undefined {
  return readLong() ? long.getBigUint64(0) : undefined;
}

/** Reads a varint of up to ten bytes into `long`. */
function readLong(): boolean {
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    const byte = source[position++];
    if (byte === undefined) return false;
    const bits = byte & 0x7f;
    if (i < 4) {
      low |= bits << (7 * i);
    } else if (i === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else if (i < 9) {
      high |= bits << (7 * i - 32);
    } else {
      high |= bits << 31;
    }
    if (byte < 0x80) {
      long.setUint32(0, high >>> 0);
      long.setUint32(4, low >>> 0);
      return true;
    }
  }
  return false;
}
