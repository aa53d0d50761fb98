/**
 * Writers of message types whose JSON is not an object of their fields, and of JSON values.
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import { codecOf } from "../codec.ts";
import { checkType, longOf } from "../values.ts";
import { MAX_DEPTH } from "../reader.ts";
import type { Fields } from "../shape.ts";
import { zeroOf } from "../message_source.ts";
import type { Output, Style, Write } from "./output.ts";
import { formatDuration, formatFieldMask, formatTimestamp } from "./time.ts";
import { listOf, objectOf, scalarWriter } from "./value_writers.ts";
import { hasOwnJson } from "./well_known.ts";
import { boolean, double, nothing, raw, string } from "./writer.ts";

/** Returns the writer of a message type. */
export type MessageWriters = (descriptor: DescMessage, style: Style) => Write;

/** Returns the writer of a well-known type; undefined for other types. */
export function wellKnownWriter(
  descriptor: DescMessage,
  style: Style,
  writers: MessageWriters,
): Write | undefined {
  const write = writerOf(descriptor, style, writers);
  return write && ((value, b, p, o) => {
    checkType(descriptor, value as Fields);
    return write(value, b, p, o);
  });
}

function writerOf(
  descriptor: DescMessage,
  style: Style,
  writers: MessageWriters,
): Write | undefined {
  const { typeName } = descriptor;
  switch (hasOwnJson(descriptor) ? typeName : "") {
    case "":
      return undefined;
    case "google.protobuf.Any":
      return anyWriter(style, writers);
    case "google.protobuf.Timestamp":
      return timeWriter(descriptor, formatTimestamp);
    case "google.protobuf.Duration":
      return timeWriter(descriptor, formatDuration);
    case "google.protobuf.FieldMask":
      return textWriter(descriptor, ({ paths = [] }) => formatFieldMask(paths as string[]));
    case "google.protobuf.Struct":
      return structMessage;
    case "google.protobuf.Value":
      return valueMessage;
    case "google.protobuf.ListValue":
      return listMessage;
    default:
      return wrapperWriter(descriptor);
  }
}

function textWriter(
  descriptor: DescMessage,
  format: (message: Fields) => string | undefined,
): Write {
  return (value, b, p) => {
    const text = format(value as Fields);
    if (text !== undefined) return string(b, p, text);
    throw new TypeError(`Cannot encode ${descriptor.typeName} as JSON: its value is out of range`);
  };
}

function timeWriter(
  descriptor: DescMessage,
  format: (seconds: number, nanos: number) => string | undefined,
): Write {
  const [field] = descriptor.fields;
  return textWriter(
    descriptor,
    ({ seconds = 0n, nanos = 0 }) => format(Number(longOf(field, seconds, true)), nanos as number),
  );
}

function wrapperWriter(descriptor: DescMessage): Write {
  const [field] = descriptor.fields;
  const { localName } = field;
  const write = scalarWriter(field.scalar!, field);
  const zero = zeroOf(field.scalar!);
  return (value, b, p, o) => write((value as Fields)[localName] ?? zero, b, p, o);
}

const ANY = "google.protobuf.Any";
const TYPE = new TextEncoder().encode('{"@type":');
const VALUE = new TextEncoder().encode(',"value":');

function anyWriter(style: Style, writers: MessageWriters): Write {
  const packed = (
    type: DescMessage,
    message: unknown,
    typeUrl: string,
    b: Uint8Array,
    p: number,
    o: Output,
  ) => {
    p = string(b, raw(b, p, TYPE), typeUrl);
    if (hasOwnJson(type)) {
      p = writers(type, style)(message, b, raw(b, p, VALUE), o);
      b[p++] = 0x7d;
      return p;
    }
    // The opening brace of the message becomes the comma after its type.
    const end = writers(type, style)(message, b, p, o);
    if (end === p + 2) {
      b[p] = 0x7d;
      return p + 1;
    }
    b[p] = 0x2c;
    return end;
  };
  return (value, b, p, o) => {
    const { typeUrl = "", value: bytes = new Uint8Array(0) } = value as {
      typeUrl?: string;
      value?: Uint8Array;
    };
    if (typeUrl === "") {
      b[p++] = 0x7b;
      b[p++] = 0x7d;
      return p;
    }
    const type = o.registry?.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    if (type === undefined) {
      const shown = JSON.stringify(typeUrl);
      throw new TypeError(`Cannot encode ${ANY} as JSON: ${shown} is not in the registry`);
    }
    if (o.anys >= MAX_DEPTH) {
      throw new TypeError(`Cannot encode ${ANY} as JSON: more than ${MAX_DEPTH} are nested`);
    }
    const message = codecOf(type).decode(bytes);
    o.anys++;
    p = packed(type, message, typeUrl, b, p, o);
    o.anys--;
    return p;
  };
}

/** Writes a JSON value, which represents a Struct in a field. Throws TypeError for what JSON can't represent. */
export const jsonValue: Write = (value, b, p, o) => {
  switch (typeof value) {
    case "string":
      return string(b, p, value);
    case "number":
      return finite(b, p, value);
    case "boolean":
      return boolean(b, p, value);
    case "object":
      if (value === null) return nothing(b, p);
      return Array.isArray(value)
        ? listOf(value, jsonValue, b, p, o)
        : objectOf(Object.keys(value), value as Fields, jsonValue, b, p, o);
    default:
      throw new TypeError(`Cannot encode google.protobuf.Value as JSON: it has no value`);
  }
};

function finite(b: Uint8Array, p: number, value: number): number {
  if (Number.isFinite(value)) return double(b, p, value);
  throw new TypeError(`Cannot encode google.protobuf.Value as JSON: ${value} has no JSON form`);
}

const valueMessage: Write = (value, b, p, o) => {
  const { kind } = value as { kind?: { case?: string; value?: unknown } };
  switch (kind?.case) {
    case "nullValue":
      return nothing(b, p);
    case "structValue":
      return structMessage(kind.value, b, p, o);
    case "listValue":
      return listMessage(kind.value, b, p, o);
    default:
      return jsonValue(kind?.value, b, p, o);
  }
};

const structMessage: Write = (value, b, p, o) => {
  const fields = ((value as Fields).fields ?? {}) as Fields;
  return objectOf(Object.keys(fields), fields, valueMessage, b, p, o);
};

const listMessage: Write = (value, b: Uint8Array, p: number, o: Output) =>
  listOf(((value as Fields).values ?? []) as unknown[], valueMessage, b, p, o);
