/**
 * Builds a registry of types from descriptors that may be incomplete or wrong.
 *
 * @module
 */

import {
  create,
  createFileRegistry,
  type DescField,
  type FileRegistry,
  ScalarType,
} from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Comments } from "./comments.ts";
import { Faults } from "./faults.ts";
import { decodeFile, filesOfSet } from "./decode.ts";
import { faultOfFile, repairFile } from "./file_repair.ts";
import { inImportOrder } from "./file_order.ts";
import { DescriptorBudget, type DescriptorLimits } from "./limits.ts";
import { inScope } from "./symbols.ts";
import { isWellKnownFile, WELL_KNOWN_FILES, WellKnownTypes } from "./well_known_types.ts";

/** Types of a server or a descriptor set. */
export interface Types {
  /** All types, including the well-known types. */
  readonly registry: FileRegistry;
  /** Methods (`/package.Service/Method`) and services that can't be used, each with the reason. */
  readonly faults: ReadonlyMap<string, string>;
}

let wellKnown: WellKnownTypes | undefined;

/**
 * Builds the types of `files`, in any order. A missing or invalid type becomes the fault of each method whose messages
 * can contain it; of duplicate types the first is used. Modifies the files.
 */
export function typesOf(files: Iterable<FileDescriptorProto>): Types {
  const faults = new Faults();
  const builtIn = wellKnown ??= new WellKnownTypes();
  const symbols = builtIn.symbols();
  const named = usable(files, faults);
  const ordered = inImportOrder(named);
  const before = new Set<string>(WELL_KNOWN_FILES.map((file) => file.proto.name));
  for (const file of ordered) {
    const hint = missingImports(file, before, named);
    file.dependency = file.dependency.filter((name) => before.has(name));
    file.publicDependency = file.weakDependency = [];
    repairFile(file, symbols, faults, hint);
    before.add(file.name);
  }
  const registry = createFileRegistry(
    create(FileDescriptorSetSchema, {
      file: [...builtIn.filesFor(ordered), ...symbols.placeholderFiles(), ...ordered],
    }),
  );
  checkDefaults(registry, faults);
  faults.spread(registry);
  return { registry: withoutFaulty(registry, faults.types), faults: faults.methods };
}

/**
 * Reads a `google.protobuf.FileDescriptorSet`, and adds its comments to `comments`. Throws Error when it can't be decoded,
 * RpcError (RESOURCE_EXHAUSTED) beyond the limits.
 */
export function typesOfSet(
  bytes: Uint8Array,
  limits: DescriptorLimits = {},
  comments?: Comments,
): Types {
  const budget = new DescriptorBudget(limits);
  budget.takeBytes(bytes.length);
  const files = filesOfSet(bytes, budget.maxFiles + 1);
  budget.checkFiles(files.length, "files");
  return typesOf(files.map((encoded) => {
    const file = decodeFile(encoded, budget);
    comments?.addFile(file, encoded);
    return file;
  }));
}

/** Returns the usable files by name: readable, not built in, and the first of their name. */
function usable(
  files: Iterable<FileDescriptorProto>,
  faults: Faults,
): ReadonlyMap<string, FileDescriptorProto> {
  const named = new Map<string, FileDescriptorProto>();
  for (const file of files) {
    if (isWellKnownFile(file.name) || named.has(file.name)) continue;
    const fault = faultOfFile(file);
    if (fault === undefined) {
      if (file.name === "") file.name = `vrpc/unnamed/${named.size}.proto`;
      named.set(file.name, file);
      continue;
    }
    for (const service of file.service) {
      const name = inScope(file.package, service.name);
      faults.addMethod(name, `the file ${shown([file.name])} cannot be read: ${fault}`);
    }
  }
  return named;
}

/** Returns a text that names the missing or circular imports of a file, after a colon; empty if there are none. */
function missingImports(
  file: FileDescriptorProto,
  before: ReadonlySet<string>,
  all: ReadonlyMap<string, FileDescriptorProto>,
): string {
  const lacks = file.dependency.filter((name) => !before.has(name));
  if (lacks.length === 0) return "";
  const missing = lacks.filter((name) => !all.has(name));
  return missing.length > 0
    ? `: ${shown([file.name])} imports ${shown(missing)}, which is missing`
    : `: ${shown([file.name])} and ${shown(lacks)} import each other`;
}

/** Joins at most three names, each truncated to 200 characters. */
function shown(names: readonly string[]): string {
  const few = names.slice(0, 3).map((name) => name.slice(0, 200));
  return few.join(", ") + (names.length > few.length ? " and others" : "");
}

// Adds a fault for each field whose default does not fit its type: creating its message would always fail.
function checkDefaults(registry: FileRegistry, faults: Faults): void {
  for (const desc of registry) {
    if (desc.kind !== "message") continue;
    for (const field of desc.fields) {
      try {
        if (hasUsableDefault(field)) continue;
      } catch {
        // The text of the default could not be read.
      }
      faults.addType(
        desc.typeName,
        `the field ${desc.typeName}.${field.name} has a default that does not fit its type`,
      );
    }
  }
}

function hasUsableDefault(field: DescField): boolean {
  const value = "getDefaultValue" in field ? field.getDefaultValue?.() : undefined;
  const fraction = field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT;
  return typeof value !== "number" || fraction || Number.isInteger(value);
}

/** Returns a registry without faulty messages, which would silently lose fields in a google.protobuf.Any. */
function withoutFaulty(registry: FileRegistry, faults: ReadonlyMap<string, string>): FileRegistry {
  if (faults.size === 0) return registry;
  return {
    kind: registry.kind,
    get files() {
      return registry.files;
    },
    get: (name) => faults.has(name) ? undefined : registry.get(name),
    getFile: (name) => registry.getFile(name),
    getMessage: (name) => faults.has(name) ? undefined : registry.getMessage(name),
    getEnum: (name) => registry.getEnum(name),
    getExtension: (name) => registry.getExtension(name),
    getExtensionFor: (extended, number) => registry.getExtensionFor(extended, number),
    getService: (name) => registry.getService(name),
    *[Symbol.iterator]() {
      for (const desc of registry) if (!faults.has(desc.typeName)) yield desc;
    },
  };
}
