/**
 * Text of options, custom ones included, as `.proto` files have them.
 *
 * @module
 */

import {
  type AnyDesc,
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescMessage,
  type FileRegistry,
  getExtension,
  hasExtension,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import {
  EnumOptionsSchema,
  EnumValueOptionsSchema,
  FieldOptionsSchema,
  MessageOptionsSchema,
  MethodOptionsSchema,
  OneofOptionsSchema,
  ServiceOptionsSchema,
} from "@bufbuild/protobuf/wkt";

/** One option. */
export interface OptionText {
  /** Name; that of a custom option is in parentheses. */
  readonly name: string;
  /** Value as it is written in a `.proto` file. */
  readonly value: string;
}

/** Deepest message in an option that is written out. */
const MAX_DEPTH = 16;

/** Fields of options that no `.proto` file sets. */
const INTERNAL: ReadonlySet<string> = new Set(["map_entry", "uninterpreted_option"]);

function schemaOf(desc: AnyDesc): DescMessage | undefined {
  switch (desc.kind) {
    case "message":
      return MessageOptionsSchema;
    case "field":
    case "extension":
      return FieldOptionsSchema;
    case "oneof":
      return OneofOptionsSchema;
    case "enum":
      return EnumOptionsSchema;
    case "enum_value":
      return EnumValueOptionsSchema;
    case "service":
      return ServiceOptionsSchema;
    case "rpc":
      return MethodOptionsSchema;
    default:
      return undefined;
  }
}

/** Returns the options of a declaration; custom ones whose types `registry` does not have are left out. */
export function optionsOf(desc: AnyDesc, registry: FileRegistry): OptionText[] {
  const schema = schemaOf(desc);
  const options = desc.proto.options as Message | undefined;
  if (schema === undefined || options === undefined) return [];
  const texts: OptionText[] = [];
  const message = reflect(schema, options);
  for (const field of schema.fields) {
    if (!message.isSet(field) || INTERNAL.has(field.name)) continue;
    texts.push(...fieldTexts(field.name, field, message.get(field)));
  }
  for (const extension of registry) {
    if (extension.kind !== "extension" || extension.extendee.typeName !== schema.typeName) continue;
    texts.push(...extensionTexts(options, extension));
  }
  return texts;
}

function extensionTexts(options: Message, extension: DescExtension): OptionText[] {
  try {
    if (!hasExtension(options, extension)) return [];
    const value = getExtension(options, extension) as unknown;
    const list = extension.fieldKind === "list" ? value as unknown[] : [value];
    return list.map((one) => ({
      name: `(${extension.typeName})`,
      value: plainText(extension, one),
    }));
  } catch {
    // Bytes that are not of this type.
    return [];
  }
}

/** Value of an extension, which is no reflected one. */
function plainText(field: DescExtension, value: unknown): string {
  if (field.message !== undefined) {
    return messageText(reflect(field.message, value as Message), 0);
  }
  if (field.enum !== undefined) return enumText(field.enum, value as number);
  return scalarText(field.scalar!, value);
}

function fieldTexts(name: string, field: DescField, value: unknown): OptionText[] {
  if (field.fieldKind === "list") {
    return [...value as Iterable<unknown>].map((one) => ({
      name,
      value: valueText(field, one, 0),
    }));
  }
  return [{ name, value: valueText(field, value, 0) }];
}

/** Value of a field in a reflected message. */
function valueText(field: DescField, value: unknown, depth: number): string {
  if (field.message !== undefined) return messageText(value as ReflectMessage, depth);
  if (field.enum !== undefined) return enumText(field.enum, value as number);
  return scalarText(field.scalar!, value);
}

function messageText(message: ReflectMessage, depth: number): string {
  if (depth > MAX_DEPTH) return "{ }";
  const parts: string[] = [];
  for (const field of message.desc.fields) {
    if (!message.isSet(field)) continue;
    const value = message.get(field) as unknown;
    if (field.fieldKind === "list") {
      for (const one of value as Iterable<unknown>) {
        parts.push(`${field.name}: ${valueText(field, one, depth + 1)}`);
      }
    } else if (field.fieldKind === "map") {
      for (const [key, one] of value as Iterable<[unknown, unknown]>) {
        const text = valueText(field, one, depth + 1);
        parts.push(`${field.name}: { key: ${scalarText(field.mapKey, key)} value: ${text} }`);
      }
    } else {
      parts.push(`${field.name}: ${valueText(field, value, depth + 1)}`);
    }
  }
  return parts.length === 0 ? "{}" : `{ ${parts.join(" ")} }`;
}

function enumText(desc: DescEnum, number: number): string {
  return desc.value[number]?.name ?? String(number);
}

function scalarText(scalar: ScalarType, value: unknown): string {
  if (scalar === ScalarType.STRING) return quoted(value as string);
  if (scalar === ScalarType.BYTES) return `"${escapedBytes(value as Uint8Array)}"`;
  if (typeof value === "number" && !Number.isFinite(value)) {
    return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
  return String(value);
}

/** Returns a text in quotes, with escapes that `.proto` files know. */
export function quoted(text: string): string {
  const escaped = text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return `"${escaped}"`;
}

function escapedBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === "\\") return `\\${char}`;
    return byte >= 0x20 && byte < 0x7f ? char : `\\${byte.toString(8).padStart(3, "0")}`;
  }).join("");
}
