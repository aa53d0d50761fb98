/**
 * The encoder without generated code: a function for each field. It accepts everything that protobuf-es accepts, such
 * as numbers as text, and names the field whose value can't be encoded.
 *
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { UnknownField } from "./reader.ts";
import {
  adapterOf,
  type Fields,
  isDelimited,
  jsonToStruct,
  nameOf,
  Presence,
  prototypeOf,
  scalarOf,
  tagOf,
  wireTypeOf,
} from "./shape.ts";
import {
  bytesOf,
  checkType,
  integerOf,
  longOf,
  numberOf,
  presenceOf,
  textOf,
  wrong,
} from "./values.ts";
import {
  double,
  fixed32,
  fixed64,
  float,
  int32,
  long,
  raw,
  text,
  unknown,
  varint,
  zigzag64,
} from "./writer.ts";

/** Writes a message so that it ends at position `p`; returns the position of its first byte. */
export type Encode = (message: Fields, b: Uint8Array, p: number) => number;
/** Writes a value and its tag so that they end at position `p`; returns the position of their first byte. */
type Write = (value: unknown, b: Uint8Array, p: number) => number;

const MAX_FLOAT = 3.4028234663852886e38;

const encoders = new WeakMap<DescMessage, Encode>();

/** Returns the encoder of a message type. Throws TypeError for messages that can't be encoded, and names the field. */
export function encoderByFields(descriptor: DescMessage): Encode {
  let encode = encoders.get(descriptor);
  if (!encode) {
    const writers: Encode[] = [];
    encode = (message, b, p) => {
      checkType(descriptor, message);
      if (message.$unknown !== undefined) p = unknown(b, p, message.$unknown as UnknownField[]);
      for (let i = 0; i < writers.length; i++) p = writers[i](message, b, p);
      return p;
    };
    encoders.set(descriptor, encode);
    const prototype = prototypeOf(descriptor);
    const fields = descriptor.fields.toSorted((one, other) => other.number - one.number);
    writers.push(...fields.map((field) => fieldWriter(field, prototype)));
  }
  return encode;
}

function fieldWriter(field: DescField, prototype: object | undefined): Encode {
  const { localName } = field;
  const write = field.fieldKind === "list"
    ? listWriter(field)
    : field.fieldKind === "map"
    ? mapWriter(field)
    : valueWriter(field, field.number);
  const { oneof } = field;
  if (oneof) {
    return (message, b, p) => {
      const chosen = message[oneof.localName] as { case?: string; value?: unknown } | undefined;
      return chosen?.case === localName ? write(chosen.value, b, p) : p;
    };
  }
  if (field.presence === Presence.IMPLICIT && field.scalar === ScalarType.STRING) {
    // Most fields are text: two calls less for each.
    const tag = tagOf(field.number, 2);
    return (message, b, p) => {
      const value = message[localName];
      if (typeof value !== "string") {
        return value === undefined || value === null ? p : write(value, b, p);
      }
      return value === "" ? p : varint(b, text(b, p, value), tag);
    };
  }
  const isSet = presenceOf(field, prototype);
  return (message, b, p) => {
    const value = message[localName];
    if (value !== undefined && value !== null && isSet(message, value)) return write(value, b, p);
    if (field.presence === Presence.LEGACY_REQUIRED) {
      throw new TypeError(`Cannot encode ${nameOf(field)}: it is required and not set`);
    }
    return p;
  };
}

function valueWriter(field: DescField, number: number): Write {
  const scalar = scalarOf(field);
  if (scalar === undefined) return messageWriter(field, number);
  const write = scalarWriter(scalar, field);
  const tag = tagOf(number, wireTypeOf(scalar));
  return (value, b, p) => varint(b, write(value, b, p), tag);
}

function messageWriter(field: DescField, number: number): Write {
  const descriptor = field.message!;
  const adapter = adapterOf(field);
  let encode: Encode | undefined;
  const body: Write = (value, b, p) => {
    encode ??= encoderByFields(descriptor);
    if (adapter === "wrapper") value = { [descriptor.fields[0].localName]: value };
    else if (adapter === "struct") {
      if (typeof value !== "object") throw wrong(field, value, "a JSON object");
      value = jsonToStruct(value as Fields);
    }
    if (typeof value !== "object" || value === null) {
      throw wrong(field, value, `a ${descriptor.typeName}`);
    }
    return encode(value as Fields, b, p);
  };
  if (isDelimited(field)) {
    return (value, b, p) =>
      varint(b, body(value, b, varint(b, p, tagOf(number, 4))), tagOf(number, 3));
  }
  return (value, b, p) => {
    const start = body(value, b, p);
    return varint(b, varint(b, start, p - start), tagOf(number, 2));
  };
}

function listWriter(field: DescField & { fieldKind: "list" }): Write {
  const scalar = scalarOf(field);
  const packed = scalar !== undefined && field.packed && wireTypeOf(scalar) !== 2;
  const write = packed ? scalarWriter(scalar, field) : valueWriter(field, field.number);
  return (value, b, p) => {
    if (!Array.isArray(value)) throw wrong(field, value, "an array");
    const end = p;
    for (let i = value.length - 1; i >= 0; i--) p = write(value[i], b, p);
    if (!packed || p === end) return p;
    return varint(b, varint(b, p, end - p), tagOf(field.number, 2));
  };
}

function mapWriter(field: DescField & { fieldKind: "map" }): Write {
  const writeKey = scalarWriter(field.mapKey, field);
  const keyTag = tagOf(1, wireTypeOf(field.mapKey));
  const write = valueWriter(field, 2);
  return (value, b, p) => {
    if (typeof value !== "object") throw wrong(field, value, "an object");
    const keys = Object.keys(value as Fields);
    for (let i = keys.length - 1; i >= 0; i--) {
      const end = p;
      const key = keys[i];
      const entry = (value as Fields)[key];
      p = varint(b, writeKey(keyOf(field, key), b, write(entry, b, p)), keyTag);
      p = varint(b, varint(b, p, end - p), tagOf(field.number, 2));
    }
    return p;
  };
}

function keyOf(field: DescField & { fieldKind: "map" }, key: string): unknown {
  if (field.mapKey !== ScalarType.BOOL) return key;
  if (key !== "true" && key !== "false") throw wrong(field, key, "a key that is true or false");
  return key === "true";
}

function scalarWriter(scalar: ScalarType, field: DescField): Write {
  const integer =
    (signed: boolean, write: (b: Uint8Array, p: number, n: number) => number): Write =>
    (value, b, p) => write(b, p, integerOf(field, value, signed));
  const big =
    (signed: boolean, write: (b: Uint8Array, p: number, n: bigint) => number): Write =>
    (value, b, p) => write(b, p, longOf(field, value, signed));
  switch (scalar) {
    case ScalarType.STRING:
      return (value, b, p) => text(b, p, textOf(field, value));
    case ScalarType.BYTES:
      return (value, b, p) => lengthOf(b, raw(b, p, bytesOf(field, value)), p);
    case ScalarType.BOOL:
      return (value, b, p) => varint(b, p, value ? 1 : 0);
    case ScalarType.INT32:
      return integer(true, int32);
    case ScalarType.UINT32:
      return integer(false, varint);
    case ScalarType.SINT32:
      return integer(true, (b, p, n) => varint(b, p, (n << 1 ^ n >> 31) >>> 0));
    case ScalarType.FIXED32:
      return integer(false, fixed32);
    case ScalarType.SFIXED32:
      return integer(true, fixed32);
    case ScalarType.INT64:
      return big(true, long);
    case ScalarType.UINT64:
      return big(false, long);
    case ScalarType.SINT64:
      return big(true, zigzag64);
    case ScalarType.FIXED64:
      return big(false, fixed64);
    case ScalarType.SFIXED64:
      return big(true, fixed64);
    case ScalarType.DOUBLE:
      return (value, b, p) => double(b, p, numberOf(field, value));
    case ScalarType.FLOAT:
      return (value, b, p) => {
        const number = numberOf(field, value);
        if (Number.isFinite(number) && Math.abs(number) > MAX_FLOAT) {
          throw wrong(field, value, "in the range of a 32-bit float");
        }
        return float(b, p, number);
      };
  }
}

function lengthOf(b: Uint8Array, start: number, end: number): number {
  return varint(b, start, end - start);
}
