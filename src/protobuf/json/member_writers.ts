/**
 * Writers of the members of messages: one for each field, chosen by its type, and for extensions.
 *
 * @module
 */

import {
  type DescExtension,
  type DescField,
  type DescMessage,
  getExtension,
  type Message,
} from "@bufbuild/protobuf";
import { wrong } from "../values.ts";
import type { UnknownField } from "../reader.ts";
import { adapterOf, type Fields, scalarOf } from "../shape.ts";
import { fieldOfExtension } from "./members.ts";
import type { Output, Style, Write } from "./output.ts";
import { enumWriter, jsonBytes, listWriter, mapWriter, scalarWriter } from "./value_writers.ts";
import { jsonValue, type MessageWriters } from "./well_known_writers.ts";
import { raw } from "./writer.ts";

/** Field of a message type with the writer of its values. */
export interface WrittenMember {
  readonly field: DescField;
  /** Name in JSON, with quotes and colon. */
  readonly name: Uint8Array;
  readonly write: Write;
}

/** Returns the members of a message type, in the order of the field numbers. */
export function writtenMembersOf(
  descriptor: DescMessage,
  style: Style,
  writers: MessageWriters,
): WrittenMember[] {
  return descriptor.fields.toSorted((one, other) => one.number - other.number).map((field) => ({
    field,
    name: nameBytes(style.useProtoFieldName ? field.name : field.jsonName),
    write: fieldWriter(field, style, writers),
  }));
}

function nameBytes(name: string): Uint8Array {
  return new Uint8Array([...jsonBytes(name), 0x3a]);
}

function fieldWriter(field: DescField, style: Style, writers: MessageWriters): Write {
  const write = valueWriter(field, style, writers);
  if (field.fieldKind === "list") return listWriter(field, write, style);
  return field.fieldKind === "map" ? mapWriter(field, write, style) : write;
}

/** Returns the writer of one value of a field. */
function valueWriter(field: DescField, style: Style, writers: MessageWriters): Write {
  if (field.enum) return enumWriter(field.enum, field, style);
  const { message } = field;
  if (!message) return scalarWriter(scalarOf(field)!, field);
  const adapter = adapterOf(field);
  if (adapter === "wrapper") return scalarWriter(message.fields[0].scalar!, field);
  const isStruct = adapter === "struct";
  let writer: Write | undefined = isStruct ? jsonValue : undefined;
  return (value, b, p, o) => {
    if (typeof value !== "object" || value === null || (isStruct && Array.isArray(value))) {
      throw wrong(field, value, isStruct ? "a JSON object" : `a ${message.typeName}`);
    }
    return (writer ??= writers(message, style))(value, b, p, o);
  };
}

/** Writers of extensions, by their style. */
type Extensions = WeakMap<DescExtension, WrittenMember>;
const extensions = new WeakMap<Style, Extensions>();

/** Writes the extensions among the unknown fields of a message, as members with a comma at the end. */
export function writeExtensions(
  descriptor: DescMessage,
  message: Fields,
  style: Style,
  writers: MessageWriters,
  b: Uint8Array,
  p: number,
  o: Output,
): number {
  const numbers = new Set((message.$unknown as UnknownField[]).map(({ no }) => no));
  for (const number of numbers) {
    const extension = o.registry!.getExtensionFor(descriptor, number);
    if (extension === undefined) continue;
    const { name, write } = extensionMember(extension, style, writers);
    const start = raw(b, p, name);
    const end = write(getExtension(message as unknown as Message, extension), b, start, o);
    if (end === start) continue;
    b[end] = 0x2c;
    p = end + 1;
  }
  return p;
}

function extensionMember(
  extension: DescExtension,
  style: Style,
  writers: MessageWriters,
): WrittenMember {
  let known = extensions.get(style);
  if (known === undefined) extensions.set(style, known = new WeakMap());
  let member = known.get(extension);
  if (member === undefined) {
    const field = fieldOfExtension(extension);
    const write = fieldWriter(field, style, writers);
    known.set(extension, member = { field, name: nameBytes(extension.jsonName), write });
  }
  return member;
}
