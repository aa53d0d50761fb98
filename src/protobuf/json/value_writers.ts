/**
 * Writers of values in JSON: scalars, enum values, lists and maps.
 *
 * @module
 */

import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";
import { encodeBase64 } from "../../bytes/base64.ts";
import { base64Text } from "../../bytes/base64_text.ts";
import { bytesOf, integerOf, longOf, numberOf, textOf, wrong } from "../values.ts";
import type { Fields } from "../shape.ts";
import type { Output, Style, Write } from "./output.ts";
import { ascii, boolean, double, long, nothing, raw, string, whole } from "./writer.ts";

// Longest bytes that a loop encodes faster than a call into the runtime.
const LOOP_BYTES = 300;

/** Returns the writer of a scalar. Its errors have the name of `field`. */
export function scalarWriter(scalar: ScalarType, field: DescField): Write {
  switch (scalar) {
    case ScalarType.STRING:
      return (value, b, p) =>
        string(b, p, typeof value === "string" ? value : textOf(field, value));
    case ScalarType.BYTES:
      return (value, b, p) => {
        const bytes = bytesOf(field, value);
        b[p++] = 0x22;
        p = bytes.length <= LOOP_BYTES ? encodeBase64(b, p, bytes) : ascii(b, p, base64Text(bytes));
        b[p++] = 0x22;
        return p;
      };
    case ScalarType.BOOL:
      return (value, b, p) => {
        if (typeof value !== "boolean") throw wrong(field, value, "true or false");
        return boolean(b, p, value);
      };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value, b, p) => double(b, p, numberOf(field, value));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return (value, b, p) => whole(b, p, integerOf(field, value, true));
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return (value, b, p) => whole(b, p, integerOf(field, value, false));
    default: {
      const signed = scalar !== ScalarType.UINT64 && scalar !== ScalarType.FIXED64;
      return (value, b, p) => long(b, p, longOf(field, value, signed));
    }
  }
}

/** Returns the writer of an enum. It writes the name of a value, or the number if the enum does not define the value. */
export function enumWriter(descriptor: DescEnum, field: DescField, style: Style): Write {
  if (descriptor.typeName === "google.protobuf.NullValue") return (_, b, p) => nothing(b, p);
  const names = new Map<unknown, Uint8Array>();
  if (!style.enumAsInteger) {
    for (const { number, jsonName } of descriptor.values) {
      if (!names.has(number)) names.set(number, jsonBytes(jsonName));
    }
  }
  return (value, b, p) => {
    const name = names.get(value);
    return name === undefined ? whole(b, p, integerOf(field, value, true)) : raw(b, p, name);
  };
}

/** Returns a text in quotes, with the escapes of JSON. */
export function jsonBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(6 * text.length + 2);
  return bytes.subarray(0, string(bytes, 0, text));
}

/** Returns the writer of a list. An empty list is omitted, unless the options ask for fields without presence. */
export function listWriter(field: DescField, item: Write, style: Style): Write {
  return (value, b, p, o) => {
    if (!Array.isArray(value)) throw wrong(field, value, "an array");
    if (value.length === 0 && !style.alwaysEmitImplicit) return p;
    return listOf(value, item, b, p, o);
  };
}

/** Returns the writer of a map. An empty map is omitted, unless the options ask for fields without presence. */
export function mapWriter(field: DescField, entry: Write, style: Style): Write {
  return (value, b, p, o) => {
    if (typeof value !== "object" || value === null) throw wrong(field, value, "an object");
    const keys = Object.keys(value);
    if (keys.length === 0 && !style.alwaysEmitImplicit) return p;
    return objectOf(keys, value as Fields, entry, b, p, o);
  };
}

/** Writes an object with the members `keys`. `entry` writes the value of one member. */
export function objectOf(
  keys: readonly string[],
  values: Fields,
  entry: Write,
  b: Uint8Array,
  p: number,
  o: Output,
): number {
  b[p++] = 0x7b;
  for (let i = 0; i < keys.length; i++) {
    if (i > 0) b[p++] = 0x2c;
    p = string(b, p, keys[i]);
    b[p++] = 0x3a;
    p = entry(values[keys[i]], b, p, o);
  }
  b[p++] = 0x7d;
  return p;
}

/** Writes a list. `item` writes one item. */
export function listOf(
  list: readonly unknown[],
  item: Write,
  b: Uint8Array,
  p: number,
  o: Output,
): number {
  b[p++] = 0x5b;
  for (let i = 0; i < list.length; i++) {
    if (i > 0) b[p++] = 0x2c;
    p = item(list[i], b, p, o);
  }
  b[p++] = 0x5d;
  return p;
}
