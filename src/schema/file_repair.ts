/**
 * Repairs one file: checks its names, drops duplicate definitions, and resolves its types against the files before it.
 *
 * @module
 */

import { create, createFileRegistry } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import type { Faults } from "./faults.ts";
import { MessageRepair } from "./message_repair.ts";
import { inScope, isFullName, isIdentifier, type Symbols } from "./symbols.ts";

/** Message of a file with its full name. */
interface Placed {
  readonly proto: DescriptorProto;
  readonly name: string;
}

/** Returns why a file can't be read at all, or undefined. */
export function faultOfFile(file: FileDescriptorProto): string | undefined {
  if (file.package !== "" && !isFullName(file.package)) return "its package has no valid name";
  switch (file.syntax) {
    case "":
    case "proto2":
    case "proto3":
      return undefined;
    case "editions":
      return isKnownEdition(file) ? undefined : `its edition ${file.edition} is unknown`;
    default:
      return `its syntax ${JSON.stringify(file.syntax.slice(0, 40))} is unknown`;
  }
}

// Tries the edition on an empty file, because protobuf-es has no list of the editions that it supports.
function isKnownEdition(file: FileDescriptorProto): boolean {
  const { syntax, edition } = file;
  const bare = create(FileDescriptorProtoSchema, { name: "edition.proto", syntax, edition });
  try {
    createFileRegistry(create(FileDescriptorSetSchema, { file: [bare] }));
    return true;
  } catch {
    return false;
  }
}

/** Repairs a file and adds its types to `symbols`. Those of its imports that exist must have been repaired before. */
export function repairFile(
  file: FileDescriptorProto,
  symbols: Symbols,
  faults: Faults,
  hint: string,
): void {
  const repair = new MessageRepair(file, symbols, faults, hint);
  const messages = addTypes(file, symbols, repair);
  // All names of the file are registered before any reference is resolved.
  file.service = file.service.filter(({ name }) => claim(symbols, file.package, name));
  for (const { scope, owner } of extended(file, messages)) {
    owner.extension = owner.extension.filter(({ name }) => claim(symbols, scope, name));
  }
  for (const { proto, name } of messages) repair.repairMessage(proto, name);
  for (const { scope, owner } of extended(file, messages)) {
    owner.extension = repair.repairExtensions(owner.extension, scope);
  }
  for (const service of file.service) repairService(service, file, repair);
}

function claim(symbols: Symbols, scope: string, name: string): boolean {
  return isIdentifier(name) && symbols.claim(inScope(scope, name));
}

/** Returns the scopes that can define extensions: the file and its messages. */
function extended(file: FileDescriptorProto, messages: readonly Placed[]) {
  const inner = messages.map(({ proto, name }) => ({ scope: name, owner: proto }));
  return [{ scope: file.package, owner: file }, ...inner];
}

/** Adds all messages and enums to `symbols`, and drops those whose name is invalid or taken. Returns the messages. */
function addTypes(file: FileDescriptorProto, symbols: Symbols, repair: MessageRepair): Placed[] {
  const all: Placed[] = [];
  const add = (protos: readonly DescriptorProto[], scope: string): DescriptorProto[] =>
    protos.filter((proto) => {
      const name = inScope(scope, proto.name);
      const kind = proto.options?.mapEntry ? "map" : "message";
      if (!isIdentifier(proto.name) || !symbols.add({ name, kind, file })) return false;
      all.push({ proto, name });
      return true;
    });
  const addEnums = (owner: Pick<DescriptorProto, "enumType">, scope: string) => {
    owner.enumType = owner.enumType.filter((proto) => {
      const name = inScope(scope, proto.name);
      if (!isIdentifier(proto.name) || !symbols.add({ name, kind: "enum", file })) return false;
      repair.repairEnum(proto, name);
      return true;
    });
  };
  file.messageType = add(file.messageType, file.package);
  addEnums(file, file.package);
  // `all` grows during the loop, so that nested messages of all levels are visited.
  for (const { proto, name } of all) {
    proto.nestedType = add(proto.nestedType, name);
    addEnums(proto, name);
  }
  return all;
}

function repairService(
  service: ServiceDescriptorProto,
  file: FileDescriptorProto,
  repair: MessageRepair,
): void {
  const name = inScope(file.package, service.name);
  const seen = new Set<string>();
  service.method = service.method.filter((method) => {
    if (!isIdentifier(method.name) || seen.has(method.name)) return false;
    seen.add(method.name);
    const path = `/${name}/${method.name}`;
    method.inputType = repair.messageType(method.inputType, name, path);
    method.outputType = repair.messageType(method.outputType, name, path);
    return true;
  });
}
