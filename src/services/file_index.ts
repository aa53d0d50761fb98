/**
 * Index from symbols to the proto files that define them.
 *
 * @module
 */

import { type DescFile, type DescMessage, type DescService, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { WELL_KNOWN_FILES } from "../schema/well_known_types.ts";

/** Index of files, their dependencies and the well-known types. */
export class FileIndex {
  #files = new Map<string, DescFile>();
  #symbols = new Map<string, DescFile>();
  /** Extended type → field number → file. */
  #extensions = new Map<string, Map<number, DescFile>>();
  #encoded = new Map<string, Uint8Array>();

  /** Indexes `files`; of several with one name, the first wins. */
  constructor(files: readonly DescFile[]) {
    for (const file of withImports([...files, ...WELL_KNOWN_FILES])) this.#add(file);
  }

  /** Returns the file of a name such as `google/protobuf/any.proto`. */
  byName(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** Returns the file that defines a service, method, message, field, oneof, enum, enum value or extension. */
  bySymbol(name: string): DescFile | undefined {
    return this.#symbols.get(name.startsWith(".") ? name.slice(1) : name);
  }

  /** Returns the file that extends a message with a field number. */
  byExtension(typeName: string, number: number): DescFile | undefined {
    return this.#extensions.get(typeName)?.get(number);
  }

  /** Returns the extension numbers of a message, ascending; undefined for an unknown message. */
  extensionNumbers(typeName: string): number[] | undefined {
    const numbers = this.#extensions.get(typeName);
    return numbers && [...numbers.keys()].sort((a, b) => a - b);
  }

  /** Encodes a file and then the dependencies that are not in `sent`, and adds all of them to `sent`. */
  withDependencies(file: DescFile, sent: Set<string>): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (const one of withImports([file])) {
      const { name } = one.proto;
      // The requested file is sent even when it is in `sent`.
      if (one === file || !sent.has(name)) all.push(this.#encode(one));
      sent.add(name);
    }
    return all;
  }

  #encode(file: DescFile): Uint8Array {
    const { name } = file.proto;
    let bytes = this.#encoded.get(name);
    if (!bytes) this.#encoded.set(name, bytes = toBinary(FileDescriptorProtoSchema, file.proto));
    return bytes;
  }

  #add(file: DescFile): void {
    const { name } = file.proto;
    if (this.#files.has(name)) return;
    this.#files.set(name, file);
    for (const type of nestedTypes(file)) {
      switch (type.kind) {
        case "message":
          this.#addMessage(type, file);
          break;
        case "service":
          this.#addService(type, file);
          break;
        case "enum": {
          this.#symbols.set(type.typeName, file);
          // Enum values are scoped as siblings of their enum, as in C++.
          const scope = type.typeName.slice(0, type.typeName.lastIndexOf(".") + 1);
          for (const value of type.values) this.#symbols.set(scope + value.name, file);
          break;
        }
        case "extension": {
          this.#symbols.set(type.typeName, file);
          const extended = this.#extensionsOf(type.extendee.typeName);
          if (!extended.has(type.number)) extended.set(type.number, file);
          break;
        }
      }
    }
  }

  #addMessage(message: DescMessage, file: DescFile): void {
    this.#symbols.set(message.typeName, file);
    this.#extensionsOf(message.typeName);
    for (const member of message.members) {
      this.#symbols.set(`${message.typeName}.${member.name}`, file);
      if (member.kind === "field") continue;
      for (const field of member.fields) {
        this.#symbols.set(`${message.typeName}.${field.name}`, file);
      }
    }
  }

  #addService(service: DescService, file: DescFile): void {
    this.#symbols.set(service.typeName, file);
    for (const method of service.methods) {
      this.#symbols.set(`${service.typeName}.${method.name}`, file);
    }
  }

  #extensionsOf(typeName: string): Map<number, DescFile> {
    let numbers = this.#extensions.get(typeName);
    if (!numbers) this.#extensions.set(typeName, numbers = new Map());
    return numbers;
  }
}

/** Returns the files and all files that they import, each once. */
function withImports(files: readonly DescFile[]): ReadonlySet<DescFile> {
  const all = new Set(files);
  // Iterating a Set includes files that are added meanwhile.
  for (const file of all) for (const imported of file.dependencies) all.add(imported);
  return all;
}
