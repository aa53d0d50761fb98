/**
 * Readers of the members of messages: one for each field, chosen by its type, and for members that name no field.
 *
 * @module
 */

import {
  type DescExtension,
  type DescField,
  type DescMessage,
  type Message,
  setExtension,
} from "@bufbuild/protobuf";
import { cursor } from "../reader.ts";
import { adapterOf, type Fields, isWrapper, nameOf, scalarOf } from "../shape.ts";
import { jsonObject, listReader, mapReader } from "./containers.ts";
import { Char, type Input, nullEnd, quoted, type Read, take, wrong, wrongAt } from "./input.ts";
import { NameTable } from "./names.ts";
import { enumReader, scalarReader } from "./scalars.ts";
import { skip } from "./skip.ts";
import { string } from "./strings.ts";
import type { MessageReaders } from "./well_known.ts";

const AT = 0x40;

/** Field of a message type with the reader of its values. */
export interface Member {
  readonly field: DescField;
  readonly read: Read;
  /** Whether `null` is a value of the field; otherwise the field is absent then. */
  readonly nullable: boolean;
}

/** The members of a message type. */
export interface Members {
  /** In the order of the field numbers, in which they are usually written. */
  readonly all: readonly Member[];
  /** Names of the fields, with their place in `all`. */
  readonly names: NameTable;
}

/** Returns the members of a message type; `readers` is asked for the readers of other types when they are used. */
export function membersOf(descriptor: DescMessage, readers: MessageReaders): Members {
  const fields = descriptor.fields.toSorted((one, other) => one.number - other.number);
  const names = new NameTable([
    ...fields.map(({ jsonName }, i) => [jsonName, i] as const),
    ...fields.map(({ name }, i) => [name, i] as const),
  ]);
  const all = fields.map((field) => ({
    field,
    read: fieldReader(field, readers),
    nullable: field.fieldKind !== "list" && field.fieldKind !== "map" && isNullable(field),
  }));
  return { all, names };
}

/**
 * Returns the elements that a message counts as, beside those of its members: one, and one for each four of the lists and
 * maps that even an empty message has.
 */
export function elementsOf(descriptor: DescMessage): number {
  const isContainer = (field: DescField) => field.fieldKind === "list" || field.fieldKind === "map";
  return 1 + (descriptor.fields.filter(isContainer).length >> 2);
}

function isNullable(field: DescField): boolean {
  return field.message?.typeName === "google.protobuf.Value" ||
    field.enum?.typeName === "google.protobuf.NullValue";
}

function fieldReader(field: DescField, readers: MessageReaders): Read {
  const read = valueReader(field, readers);
  if (field.fieldKind === "list") return listReader(nameOf(field), read);
  return field.fieldKind === "map" ? mapReader(field, read) : read;
}

/** Returns the reader of one value of a field. */
function valueReader(field: DescField, readers: MessageReaders): Read {
  const name = nameOf(field);
  if (field.enum) return enumReader(field.enum, name);
  const { message } = field;
  if (!message) {
    const longAsString = "longAsString" in field && field.longAsString === true;
    return scalarReader(scalarOf(field)!, name, longAsString);
  }
  const adapter = adapterOf(field);
  if (adapter === "struct") return jsonObject;
  if (adapter === "wrapper") {
    const [value] = message.fields;
    return scalarReader(value.scalar!, name, "longAsString" in value && value.longAsString);
  }
  let reader: Read | undefined;
  const read: Read = (b, p, o, d) => (reader ??= readers(message))(b, p, o, d - 1);
  if (!isWrapper(message)) return read;
  // The wrapper of a list, map or oneof: `null` is not one of its values.
  return (b, p, o, d) => {
    if (b[p] === Char.N) throw wrong(b, p, name, `a ${message.typeName}`);
    return read(b, p, o, d);
  };
}

/** Error for a field that occurs twice, under any of its names. */
export function twice({ field }: Member, b: Uint8Array, p: number): Error {
  return wrongAt(b, p, nameOf(field), "it is set twice");
}

/** Error for a oneof with two fields. */
export function secondOfOneof({ field }: Member, b: Uint8Array, p: number): Error {
  const { oneof } = field;
  return wrongAt(b, p, nameOf(field), `another field of the oneof ${oneof!.name} is set, too`);
}

/** An extension with its value. */
export type ExtensionValue = readonly [extension: DescExtension, value: unknown];

/**
 * Reads the member at `p`, whose name begins at `nameAt` and is of no field of the message at `start`: an extension, the
 * type of an Any, or a field to be ignored. Returns the extensions read so far.
 */
export function otherMember(
  descriptor: DescMessage,
  readers: MessageReaders,
  b: Uint8Array,
  p: number,
  o: Input,
  d: number,
  start: number,
  nameAt: number,
  found: ExtensionValue[] | undefined,
): ExtensionValue[] | undefined {
  take(o, 1);
  // Only names that begin so can be of an extension or of a type.
  const first = b[nameAt + 1];
  const mayMatter = first === Char.OPEN_LIST || first === AT || first === Char.BACKSLASH;
  if (mayMatter) take(o, 1);
  const name = mayMatter || !o.ignoreUnknownFields ? string(b, nameAt, descriptor.typeName) : "";
  const extension = name.startsWith("[") && name.endsWith("]")
    ? o.registry?.getExtension(name.slice(1, -1))
    : undefined;
  if (extension?.extendee.typeName === descriptor.typeName) {
    if (b[p] === Char.N && !isNullable(extension as unknown as DescField)) {
      cursor.at = nullEnd(b, p);
      return found;
    }
    found ??= [];
    if (found.some(([other]) => other === extension)) {
      throw wrongAt(b, nameAt, extension.typeName, "it is set twice");
    }
    found.push([extension, extensionReader(extension, readers)(b, p, o, d)]);
    return found;
  }
  // An Any has its type beside the fields of its message.
  const isType = name === "@type" && o.anys?.delete(start) && b[p] === Char.QUOTE;
  if (!isType && !o.ignoreUnknownFields) {
    throw wrongAt(b, nameAt, descriptor.typeName, `it has no field ${quoted(name)}`);
  }
  cursor.at = skip(b, p, o);
  return found;
}

const extensionReaders = new WeakMap<DescExtension, Read>();

function extensionReader(extension: DescExtension, readers: MessageReaders): Read {
  let read = extensionReaders.get(extension);
  if (read === undefined) {
    read = fieldReader(fieldOfExtension(extension), readers);
    extensionReaders.set(extension, read);
  }
  return read;
}

/** Returns an extension as a field of the message that it extends. */
export function fieldOfExtension(extension: DescExtension): DescField {
  const { extendee, typeName } = extension;
  return { ...extension, kind: "field", parent: extendee, localName: typeName } as DescField;
}

/** Adds extensions to a message. */
export function addExtensions(message: Fields, values: readonly ExtensionValue[]): void {
  for (const [extension, value] of values) {
    setExtension(message as unknown as Message, extension, value as never);
  }
}
