/**
 * Comments of descriptors (google.protobuf.SourceCodeInfo), by the names of what they stand at.
 *
 * @module
 */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { inScope } from "./symbols.ts";

/** Limit on one comment, in characters. */
const MAX_COMMENT_CHARS = 4_096;
/** Limit on all comments together, in characters: they are kept as long as the types. */
const MAX_CHARS = 2 * 1024 * 1024;
/** Longest path to a name; nested messages make it longer. */
const MAX_PATH = 64;

/**
 * Comments by full name: messages, fields, oneofs, enums, services and methods; values of enums under the name of their
 * enum. Beyond a total of 2 MiB further comments are left out.
 */
export class Comments {
  readonly #texts = new Map<string, string>();
  #chars = 0;

  /** Comment at a name; undefined for none. */
  get(name: string): string | undefined {
    return this.#texts.get(name);
  }

  /**
   * Adds the comments of a file. Call it before the file is repaired, because SourceCodeInfo refers to declarations by
   * their index. `bytes`: the encoded file; without it, comments are read from `file`. Damaged comments are left out.
   */
  addFile(file: FileDescriptorProto, bytes?: Uint8Array): void {
    if (bytes !== undefined) {
      try {
        return this.#readFile(file, bytes);
      } catch {
        // No method needs comments.
        return;
      }
    }
    for (const { path, leadingComments, trailingComments } of file.sourceCodeInfo?.location ?? []) {
      this.#add(file, path, leadingComments || trailingComments);
    }
  }

  #readFile(file: FileDescriptorProto, bytes: Uint8Array): void {
    const source = FileDescriptorProtoSchema.field.sourceCodeInfo.number;
    for (const info of lengthDelimited(bytes, source)) {
      for (const location of lengthDelimited(info, 1)) {
        const { path, comment } = readLocation(location);
        if (comment !== "") this.#add(file, path, comment);
      }
    }
  }

  #add(file: FileDescriptorProto, path: readonly number[], comment: string): void {
    if (comment === "" || this.#chars > MAX_CHARS) return;
    const name = nameAt(file, path);
    if (name === undefined || this.#texts.has(name)) return;
    const text = tidy(comment);
    if (text === "") return;
    this.#texts.set(name, text);
    this.#chars += text.length;
  }
}

/** Yields the values of a field that is a message or bytes. */
function* lengthDelimited(bytes: Uint8Array, wanted: number): Generator<Uint8Array> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === wanted && wireType === WireType.LengthDelimited) yield reader.bytes();
    else reader.skip(wireType, number);
  }
}

/** Field numbers of SourceCodeInfo.Location. */
const Location = { PATH: 1, LEADING: 3, TRAILING: 4 } as const;

function readLocation(bytes: Uint8Array): { path: readonly number[]; comment: string } {
  const reader = new BinaryReader(bytes);
  const path: number[] = [];
  let leading = "";
  let trailing = "";
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const delimited = wireType === WireType.LengthDelimited;
    if (number === Location.PATH && delimited) {
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len && path.length <= MAX_PATH) path.push(packed.int32());
    } else if (number === Location.LEADING && delimited) leading = reader.string();
    else if (number === Location.TRAILING && delimited) trailing = reader.string();
    else reader.skip(wireType, number);
  }
  return { path, comment: leading || trailing };
}

/** Field numbers of descriptor.proto. */
const File = { MESSAGE: 4, ENUM: 5, SERVICE: 6 } as const;
const Message = { FIELD: 2, NESTED: 3, ENUM: 4, ONEOF: 8 } as const;
/** Values of an enum, methods of a service. */
const INNER = 2;

interface Named {
  readonly name: string;
}

/** Returns the full name of what a path of field numbers and indexes leads to. */
function nameAt(file: FileDescriptorProto, path: readonly number[]): string | undefined {
  if (path.length < 2 || path.length % 2 !== 0 || path.length > MAX_PATH) return undefined;
  const [number, index] = path;
  const rest = path.slice(2);
  switch (number) {
    case File.MESSAGE:
      return nameInMessage(file.messageType[index], file.package, rest);
    case File.ENUM:
      return nameInPair(file.enumType[index], file.package, rest, ({ value }) => value);
    case File.SERVICE:
      return nameInPair(file.service[index], file.package, rest, ({ method }) => method);
    default:
      return undefined;
  }
}

function nameInMessage(
  message: DescriptorProto | undefined,
  scope: string,
  path: readonly number[],
): string | undefined {
  if (message === undefined) return undefined;
  const name = inScope(scope, message.name);
  if (path.length === 0) return name;
  const [number, index] = path;
  const rest = path.slice(2);
  switch (number) {
    case Message.NESTED:
      return nameInMessage(message.nestedType[index], name, rest);
    case Message.ENUM:
      return nameInPair(
        message.enumType[index],
        name,
        rest,
        (one: EnumDescriptorProto) => one.value,
      );
    case Message.FIELD:
      return memberName(message.field[index], name, rest);
    case Message.ONEOF:
      return memberName(message.oneofDecl[index], name, rest);
    default:
      return undefined;
  }
}

function nameInPair<T extends Named>(
  outer: T | undefined,
  scope: string,
  path: readonly number[],
  members: (outer: T) => readonly Named[],
): string | undefined {
  if (outer === undefined) return undefined;
  const name = inScope(scope, outer.name);
  if (path.length === 0) return name;
  return path[0] === INNER ? memberName(members(outer)[path[1]], name, path.slice(2)) : undefined;
}

function memberName(
  member: Named | undefined,
  scope: string,
  rest: readonly number[],
): string | undefined {
  return member === undefined || rest.length > 0 ? undefined : inScope(scope, member.name);
}

/** Removes the indentation that comment markers leave. */
function tidy(comment: string): string {
  const lines = comment.slice(0, MAX_COMMENT_CHARS).split("\n");
  return lines.map((line) => line.startsWith(" ") ? line.slice(1) : line)
    .map((line) => line.trimEnd()).join("\n").trim();
}
