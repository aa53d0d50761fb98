/**
 * Values of fields as text in paths and queries.
 *
 * @module
 */

import { decodeLooseBase64 } from "../../bytes/base64_text.ts";
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect, type ReflectList, type ReflectMessage } from "@bufbuild/protobuf/reflect";

const WRAPPER = /^google\.protobuf\.(?:Double|Float|U?Int(?:32|64)|Bool|String|Bytes)Value$/;
const TEXTUAL = /^google\.protobuf\.(?:Timestamp|Duration|FieldMask)$/;
const FIELD_MASK = "google.protobuf.FieldMask";
const MASK_PATH = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
// The forms that Envoy and grpc-gateway both take.
const TRUE = /^(?:true|True|TRUE|[tT1])$/;
const FALSE = /^(?:false|False|FALSE|[fF0])$/;
const INTEGER = /^-?\d{1,20}$/;
const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Whether text can be a value of the field, or of an item of a repeated one. */
export function hasText(field: DescField): boolean {
  if (field.fieldKind === "map") return false;
  const { message } = field;
  return message === undefined || isTextual(message);
}

function isTextual({ typeName, fields }: DescMessage): boolean {
  return TEXTUAL.test(typeName) || WRAPPER.test(typeName) && fields[0]?.scalar !== undefined;
}

/**
 * Sets a field of `parent` to the value that each text is: one, or any number for a repeated field. Throws Error whose
 * text says what is wrong.
 */
export function setFromText(
  parent: ReflectMessage,
  field: DescField,
  texts: readonly string[],
): void {
  if (field.fieldKind === "list") {
    const list = parent.get(field) as ReflectList;
    for (const text of texts) list.add(valueOf(field, text));
    parent.set(field, list);
    return;
  }
  if (texts.length > 1) throw new Error(`it has ${texts.length} values, and is not repeated`);
  const other = field.oneof && parent.oneofCase(field.oneof);
  if (other !== undefined && other !== field) {
    throw new Error(`${other.name} of the same oneof ${field.oneof!.name} is set too`);
  }
  parent.set(field, valueOf(field, texts[0]));
}

function valueOf(field: DescField, text: string): unknown {
  if (field.enum !== undefined) return enumValue(field.enum, text);
  if (field.message !== undefined) return messageValue(field.message, text);
  return scalarValue(field.scalar!, text);
}

function messageValue(type: DescMessage, text: string): ReflectMessage {
  if (WRAPPER.test(type.typeName)) {
    const wrapper = reflect(type);
    wrapper.set(type.fields[0], scalarValue(type.fields[0].scalar!, text));
    return wrapper;
  }
  if (type.typeName === FIELD_MASK) return maskOf(type, text);
  let message: Message;
  try {
    message = fromJson(type, text);
  } catch {
    throw invalid(type.typeName, text);
  }
  return reflect(type, message as never);
}

// ProtoJSON has names like `displayName` in masks; queries often have those of the .proto file, `display_name`.
function maskOf(type: DescMessage, text: string): ReflectMessage {
  const names = text === "" ? [] : text.split(",");
  if (!names.every((name) => MASK_PATH.test(name))) throw invalid(FIELD_MASK, text);
  const paths = names.map((name) => name.replace(/[A-Z]/g, (char) => `_${char.toLowerCase()}`));
  return reflect(type, create(type, { paths } as never) as never);
}

function enumValue(type: DescEnum, text: string): number {
  const named = type.values.find(({ name }) => name === text);
  if (named !== undefined) return named.number;
  const number = INTEGER.test(text) ? Number(text) : NaN;
  const exists = type.open ? number === (number | 0) : type.value[number] !== undefined;
  if (!exists) throw invalid(type.typeName, text);
  return number;
}

const INTEGERS: ReadonlyMap<ScalarType, readonly [name: string, low: bigint, high: bigint]> =
  new Map([
    [ScalarType.INT32, ["int32", -(2n ** 31n), 2n ** 31n - 1n]],
    [ScalarType.SINT32, ["sint32", -(2n ** 31n), 2n ** 31n - 1n]],
    [ScalarType.SFIXED32, ["sfixed32", -(2n ** 31n), 2n ** 31n - 1n]],
    [ScalarType.UINT32, ["uint32", 0n, 2n ** 32n - 1n]],
    [ScalarType.FIXED32, ["fixed32", 0n, 2n ** 32n - 1n]],
    [ScalarType.INT64, ["int64", -(2n ** 63n), 2n ** 63n - 1n]],
    [ScalarType.SINT64, ["sint64", -(2n ** 63n), 2n ** 63n - 1n]],
    [ScalarType.SFIXED64, ["sfixed64", -(2n ** 63n), 2n ** 63n - 1n]],
    [ScalarType.UINT64, ["uint64", 0n, 2n ** 64n - 1n]],
    [ScalarType.FIXED64, ["fixed64", 0n, 2n ** 64n - 1n]],
  ]);

function scalarValue(scalar: ScalarType, text: string): unknown {
  const integer = INTEGERS.get(scalar);
  if (integer !== undefined) {
    const [name, low, high] = integer;
    const value = INTEGER.test(text) ? BigInt(text) : null;
    if (value === null || value < low || value > high) throw invalid(name, text);
    return high < 2n ** 32n ? Number(value) : value;
  }
  switch (scalar) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      if (TRUE.test(text)) return true;
      if (FALSE.test(text)) return false;
      throw invalid("bool", text);
    case ScalarType.BYTES:
      return bytesOf(text);
    default:
      return numberOf(scalar, text);
  }
}

function numberOf(scalar: ScalarType, text: string): number {
  if (text === "NaN") return NaN;
  if (text === "Infinity" || text === "-Infinity") return Number(text);
  const isFloat = scalar === ScalarType.FLOAT;
  const value = NUMBER.test(text) ? Number(text) : NaN;
  const stored = isFloat ? Math.fround(value) : value;
  if (!Number.isFinite(stored)) throw invalid(isFloat ? "float" : "double", text);
  return stored;
}

function bytesOf(text: string): Uint8Array {
  const bytes = decodeLooseBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  if (bytes === undefined) throw invalid("base64", text);
  return bytes;
}

function invalid(type: string, text: string): Error {
  const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
  return new Error(`${shown} is not a valid ${type}`);
}
