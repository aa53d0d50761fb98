/**
 * Properties of message types that encoders and decoders need: prototypes, zero values, and the well-known types that
 * protobuf-es represents in another form.
 *
 * @module
 */

import { create, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { setEntry, UNIT_BYTES } from "./reader.ts";

/** Values of `FeatureSet.FieldPresence` that encoders and decoders distinguish. */
export const Presence = { IMPLICIT: 2, LEGACY_REQUIRED: 3 } as const;

/** A message, as a bag of fields. */
export type Fields = Record<string, unknown>;

/** The prototype that holds default values, for message types that have one (proto2, editions). */
export function prototypeOf(descriptor: DescMessage): object | undefined {
  const prototype = Object.getPrototypeOf(create(descriptor));
  return prototype === Object.prototype ? undefined : prototype;
}

/** Returns the full name of a field. */
export function nameOf(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

/** How a field represents its messages: as they are, as the value of a wrapper, or as a JSON object. */
export type Adapter = "none" | "wrapper" | "struct";

/** Returns how a field represents its messages. */
export function adapterOf(field: DescField): Adapter {
  const { message } = field;
  if (!message) return "none";
  if (field.fieldKind === "message" && !field.oneof && isWrapper(message)) return "wrapper";
  const struct = message.typeName === "google.protobuf.Struct" &&
    field.parent.typeName !== "google.protobuf.Value";
  return struct ? "struct" : "none";
}

const WRAPPERS = /^google\.protobuf\.(?:Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value$/;

/** Whether a type is one of the wrappers of scalars, such as `google.protobuf.Int32Value`. */
export function isWrapper(message: DescMessage): boolean {
  return WRAPPERS.test(message.typeName) && message.fields.length === 1 &&
    message.fields[0].fieldKind === "scalar" && message.fields[0].number === 1;
}

interface ValueShape {
  kind?: { case?: string; value?: unknown };
}

/** Converts a `google.protobuf.Struct` message to the JSON object that represents it in a field. */
export function structToJson(struct: Fields): Fields {
  const json: Fields = {};
  for (const [key, value] of Object.entries(struct.fields as Fields)) {
    setEntry(json, key, valueToJson(value as ValueShape));
  }
  return json;
}

function valueToJson({ kind }: ValueShape): unknown {
  switch (kind?.case) {
    case "structValue":
      return structToJson(kind.value as Fields);
    case "listValue":
      return (kind.value as { values: ValueShape[] }).values.map(valueToJson);
    case undefined:
    case "nullValue":
      return null;
    default:
      return kind!.value;
  }
}

/**
 * Converts a JSON object to the init shape of `google.protobuf.Struct`; values that JSON cannot represent become an
 * empty Value.
 */
export function jsonToStruct(json: Fields): Fields {
  const fields: Fields = {};
  for (const key of Object.keys(json)) setEntry(fields, key, jsonToValue(json[key]));
  return { fields };
}

function jsonToValue(value: unknown): Fields {
  switch (typeof value) {
    case "number":
      return { kind: { case: "numberValue", value } };
    case "string":
      return { kind: { case: "stringValue", value } };
    case "boolean":
      return { kind: { case: "boolValue", value } };
    case "object":
      if (value === null) return { kind: { case: "nullValue", value: 0 } };
      if (Array.isArray(value)) {
        return { kind: { case: "listValue", value: { values: value.map(jsonToValue) } } };
      }
      return { kind: { case: "structValue", value: jsonToStruct(value as Fields) } };
    default:
      return {};
  }
}

/** Returns the wire type of a scalar (protobuf encoding guide). */
export function wireTypeOf(scalar: ScalarType): number {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return 2;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 1;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 5;
    default:
      return 0;
  }
}

/** Returns the scalar type that encodes the values of a field, or of its list or map; undefined for messages. */
export function scalarOf(field: DescField): ScalarType | undefined {
  if (field.enum) return ScalarType.INT32;
  return field.message ? undefined : field.scalar;
}

/** Returns the tag of a field number and wire type, as encoded on the wire. */
export function tagOf(number: number, wireType: number): number {
  return number * 8 + wireType;
}

/**
 * Whether messages of the field end with a tag (groups, and DELIMITED of editions) instead of starting with their
 * length.
 */
export function isDelimited(field: DescField): boolean {
  return "delimitedEncoding" in field && field.delimitedEncoding === true;
}

/**
 * Source of constants for the module members that generated code uses: `R_tag` for `R.tag`. Reading a module property
 * takes as long as the rest of a small message; reading a constant takes no time.
 */
export function constantsOf(module: string, source: string): string {
  const names = new Set(source.match(new RegExp(`\\b${module}_\\w+`, "g")));
  return [...names].map((name) => `const ${name}=${name.replace("_", ".")};`).join("");
}

/** Memory that an empty message of a type takes, in units of `UNIT_BYTES`: measured with V8, rounded up. */
export function unitsOf({ members }: DescMessage): number {
  let bytes = 24;
  for (const member of members) {
    bytes += 8;
    if (member.kind === "oneof") bytes += 40;
    else if (member.fieldKind === "list") bytes += 16;
    else if (member.fieldKind === "map") bytes += 56;
  }
  return Math.ceil(bytes / UNIT_BYTES);
}
