/**
 * A faster way to write the common case of protobuf messages: those whose fields are single scalars
 * (text, bytes, numbers, enums). Anything else, a value of an unexpected type included, is left to protobuf-es,
 * which also says what is wrong with it.
 *
 * @module
 */

import { markAsUntransferable } from "node:worker_threads";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { LEND_FROM_BYTES, lendBuffer } from "../bytes/pool.ts";

/**
 * Writes one message, or returns undefined when it is not for this encoder. With `lend` a large one goes into a
 * buffer that is to be given back with `releaseMessage`.
 */
export type FlatEncoder = (
  message: Record<string, unknown>,
  lend: boolean,
) => Uint8Array | undefined;

// Small messages, up to LEND_FROM_BYTES, are cut from a shared slab: a buffer of its own for each costs more than
// writing it.
const SLAB_BYTES = 16384;
let slab: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let slabUsed = 0;

// What is being written. One message is written at a time, without interruption.
let target: Uint8Array<ArrayBuffer> = slab;
let position = 0;

const utf8 = new TextEncoder();
const floats = new DataView(new ArrayBuffer(8));

/** The most bytes a value can take with its tag, or -1 when it is not of the expected type. */
type Measure = (value: unknown) => number;
/** Writes tag and value at `position` of `target`. */
type Write = (value: unknown) => void;

interface FlatField {
  readonly name: string;
  /** Whether a zero value is written (explicit presence). */
  readonly explicit: boolean;
  readonly measure: Measure;
  readonly write: Write;
}

/** An encoder for messages of this type, or undefined when they are not flat. */
export function compileFlatEncoder(descriptor: DescMessage): FlatEncoder | undefined {
  const fields: FlatField[] = [];
  for (const field of descriptor.fields.toSorted((a, b) => a.number - b.number)) {
    const flat = compileField(field);
    if (!flat) return undefined;
    fields.push(flat);
  }
  const typeName = descriptor.typeName;
  const count = fields.length;
  return (message, lend) => {
    if (message.$unknown !== undefined) return undefined;
    if (message.$typeName !== typeName && message.$typeName !== undefined) return undefined;
    let bound = 0;
    for (let i = 0; i < count; i++) {
      const value = message[fields[i].name];
      if (value === undefined || value === null) continue;
      const size = fields[i].measure(value);
      if (size < 0) return undefined;
      bound += size;
    }
    begin(bound, lend);
    const start = position;
    for (let i = 0; i < count; i++) {
      const { name, explicit, write } = fields[i];
      const value = message[name];
      if (value === undefined || value === null) continue;
      if (explicit ? !Object.hasOwn(message, name) : isZero(value)) continue;
      write(value);
    }
    return finish(start);
  };
}

function begin(bound: number, lend: boolean): void {
  if (bound > LEND_FROM_BYTES) {
    target = lend ? lendBuffer(bound) : new Uint8Array(bound);
    position = 0;
    return;
  }
  if (slabUsed + bound > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    // Who transfers one message to a worker would empty its neighbours.
    markAsUntransferable(slab.buffer);
    slabUsed = 0;
  }
  target = slab;
  position = slabUsed;
}

function finish(start: number): Uint8Array {
  const bytes = new Uint8Array(target.buffer, start, position - start);
  if (target === slab) slabUsed = position;
  else target = slab;
  return bytes;
}

function isZero(value: unknown): boolean {
  switch (typeof value) {
    case "string":
      return value.length === 0;
    case "number":
      return Object.is(value, 0);
    case "boolean":
      return !value;
    case "bigint":
      return value === 0n;
    default:
      return (value as Uint8Array).length === 0;
  }
}

function compileField(field: DescField): FlatField | undefined {
  if (field.oneof) return undefined;
  if (field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) return undefined;
  const explicit = field.presence !== FeatureSet_FieldPresence.IMPLICIT;
  const name = field.localName;
  if (field.fieldKind === "enum") {
    // A closed enum without explicit presence may have another zero value: left to protobuf-es.
    if (!explicit && field.enum.values[0].number !== 0) return undefined;
    return { name, explicit, ...varint32(field.number, ScalarType.INT32) };
  }
  if (field.fieldKind !== "scalar") return undefined;
  const value = compileScalar(field.number, field.scalar);
  return value && { name, explicit, ...value };
}

function compileScalar(no: number, scalar: ScalarType) {
  switch (scalar) {
    case ScalarType.STRING:
      return text(no);
    case ScalarType.BYTES:
      return bytes(no);
    case ScalarType.BOOL:
      return bool(no);
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
      return varint32(no, scalar);
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return varint64(no, scalar);
    case ScalarType.DOUBLE:
      return double(no);
    default:
      // Fixed-width integers, zigzag 64 and float are rare enough.
      return undefined;
  }
}

function text(no: number): { measure: Measure; write: Write } {
  const tag = (no << 3 | 2) >>> 0;
  return {
    measure: (value) => typeof value === "string" ? value.length * 3 + 10 : -1,
    write(value) {
      const string = value as string;
      putVarint(tag);
      // The length goes first: one byte is kept for it, and the text moved when it needs more.
      const at = position;
      const length = string.length < 24
        ? putShortText(string, at + 1)
        : utf8.encodeInto(string, target.subarray(at + 1)).written;
      if (length < 0x80) {
        target[at] = length;
        position = at + 1 + length;
        return;
      }
      const size = length < 0x4000 ? 2 : length < 0x200000 ? 3 : length < 0x10000000 ? 4 : 5;
      target.copyWithin(at + size, at + 1, at + 1 + length);
      putVarint(length);
      position = at + size + length;
    },
  };
}

/** Short ASCII is quicker by hand than through the runtime; gives up at the first other character. */
function putShortText(string: string, at: number): number {
  for (let i = 0; i < string.length; i++) {
    const code = string.charCodeAt(i);
    if (code > 0x7f) return utf8.encodeInto(string, target.subarray(at)).written;
    target[at + i] = code;
  }
  return string.length;
}

function bytes(no: number): { measure: Measure; write: Write } {
  const tag = (no << 3 | 2) >>> 0;
  return {
    measure: (value) => value instanceof Uint8Array ? value.length + 10 : -1,
    write(value) {
      const data = value as Uint8Array;
      putVarint(tag);
      putVarint(data.length);
      target.set(data, position);
      position += data.length;
    },
  };
}

function bool(no: number): { measure: Measure; write: Write } {
  const tag = (no << 3) >>> 0;
  return {
    measure: (value) => typeof value === "boolean" ? 6 : -1,
    write(value) {
      putVarint(tag);
      target[position++] = value ? 1 : 0;
    },
  };
}

function varint32(no: number, scalar: ScalarType): { measure: Measure; write: Write } {
  const tag = (no << 3) >>> 0;
  const unsigned = scalar === ScalarType.UINT32;
  const zigzag = scalar === ScalarType.SINT32;
  return {
    measure: (value) =>
      typeof value === "number" && (unsigned ? value >>> 0 : value | 0) === value ? 15 : -1,
    write(value) {
      const number = value as number;
      putVarint(tag);
      if (zigzag) {
        putVarint((number << 1 ^ number >> 31) >>> 0);
      } else if (number >= 0) {
        putVarint(number);
      } else {
        // Negative numbers are extended to 64 bits.
        putVarint64(number >>> 0, 0xffffffff);
      }
    },
  };
}

function varint64(no: number, scalar: ScalarType): { measure: Measure; write: Write } {
  const tag = (no << 3) >>> 0;
  const [least, most] = scalar === ScalarType.UINT64
    ? [0n, 2n ** 64n - 1n]
    : [-(2n ** 63n), 2n ** 63n - 1n];
  return {
    measure: (value) => typeof value === "bigint" && value >= least && value <= most ? 15 : -1,
    write(value) {
      putVarint(tag);
      floats.setBigUint64(0, value as bigint);
      putVarint64(floats.getUint32(4), floats.getUint32(0));
    },
  };
}

function double(no: number): { measure: Measure; write: Write } {
  const tag = (no << 3 | 1) >>> 0;
  return {
    measure: (value) => typeof value === "number" ? 13 : -1,
    write(value) {
      putVarint(tag);
      floats.setFloat64(0, value as number, true);
      for (let i = 0; i < 8; i++) target[position++] = floats.getUint8(i);
    },
  };
}

/** Unsigned, up to 32 bits. */
function putVarint(value: number): void {
  while (value > 0x7f) {
    target[position++] = value & 0x7f | 0x80;
    value >>>= 7;
  }
  target[position++] = value;
}

function putVarint64(low: number, high: number): void {
  while (high > 0) {
    target[position++] = low & 0x7f | 0x80;
    low = (low >>> 7 | high << 25) >>> 0;
    high >>>= 7;
  }
  putVarint(low);
}
