/**
 * JSON Schema of the values that ProtoJSON has for scalars and well-known types.
 *
 * @module
 */

import { type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** JSON Schema (draft 2020-12, which OpenAPI 3.1 uses). */
export type Schema = { readonly [key: string]: unknown };

/** A 64-bit integer, which has more digits than a number of JSON keeps. */
const SIGNED: Schema = { type: "string", pattern: "^-?[0-9]{1,19}$" };
const UNSIGNED: Schema = { type: "string", pattern: "^[0-9]{1,20}$" };

/** Returns the schema of a scalar. */
export function scalarSchema(scalar: ScalarType): Schema {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
      return fraction("double");
    case ScalarType.FLOAT:
      return fraction("float");
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", format: "uint32", minimum: 0, maximum: 4_294_967_295 };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { ...UNSIGNED, format: "uint64" };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { ...SIGNED, format: "int64" };
    default:
      return { type: "integer", format: "int32", minimum: -2_147_483_648, maximum: 2_147_483_647 };
  }
}

function fraction(format: string): Schema {
  return {
    anyOf: [
      { type: "number", format },
      { type: "string", enum: ["NaN", "Infinity", "-Infinity"] },
    ],
  };
}

/** Returns the schema of the names that a map has for keys of a type; undefined when any will do. */
export function keySchema(scalar: ScalarType): Schema | undefined {
  switch (scalar) {
    case ScalarType.STRING:
      return undefined;
    case ScalarType.BOOL:
      return { enum: ["true", "false"] };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { pattern: UNSIGNED.pattern };
    default:
      return { pattern: SIGNED.pattern };
  }
}

const WRAPPER = /^google\.protobuf\.(?:Double|Float|U?Int(?:32|64)|Bool|String|Bytes)Value$/;

const WELL_KNOWN: ReadonlyMap<string, Schema> = new Map([
  ["google.protobuf.Any", {
    type: "object",
    description: "A message of any type, which `@type` names.",
    properties: { "@type": { type: "string" } },
    additionalProperties: true,
  }],
  ["google.protobuf.Duration", {
    type: "string",
    description: "A duration in seconds, such as `1.5s`.",
    pattern: "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$",
  }],
  ["google.protobuf.Empty", { type: "object" }],
  ["google.protobuf.FieldMask", {
    type: "string",
    description: "Names of fields, separated by commas, such as `title,author.name`.",
  }],
  ["google.protobuf.ListValue", { type: "array", items: {} }],
  ["google.protobuf.Struct", { type: "object", additionalProperties: true }],
  ["google.protobuf.Timestamp", { type: "string", format: "date-time" }],
  ["google.protobuf.Value", { description: "Any value of JSON." }],
]);

/** Returns the schema of a well-known type with a JSON form of its own; undefined for other messages. */
export function wellKnownSchema(type: DescMessage): Schema | undefined {
  const fixed = WELL_KNOWN.get(type.typeName);
  if (fixed !== undefined) return fixed;
  return isWrapper(type) ? nullable(wrappedSchema(type)) : undefined;
}

/** Whether a type is a wrapper of a scalar, such as `google.protobuf.Int64Value`. */
export function isWrapper(type: DescMessage): boolean {
  return WRAPPER.test(type.typeName) && type.fields[0]?.scalar !== undefined;
}

/** Returns the schema of what a wrapper wraps. */
export function wrappedSchema(type: DescMessage): Schema {
  return scalarSchema(type.fields[0].scalar!);
}

function nullable(schema: Schema): Schema {
  if (typeof schema.type === "string") return { ...schema, type: [schema.type, "null"] };
  return { anyOf: [...(schema.anyOf as Schema[]), { type: "null" }] };
}
