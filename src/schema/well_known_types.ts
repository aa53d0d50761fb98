/**
 * The files of google.protobuf that are built in.
 *
 * @module
 */

import { clone, type DescFile } from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { Faults } from "./faults.ts";
import { repairFile } from "./file_repair.ts";
import { Symbols } from "./symbols.ts";

/**
 * Files of the well-known types, each after its imports. Their JSON form is built in, so other definitions are ignored.
 */
export const WELL_KNOWN_FILES: readonly DescFile[] = [
  file_google_protobuf_any,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  file_google_protobuf_api,
];

const NAMES: ReadonlySet<string> = new Set(WELL_KNOWN_FILES.map((file) => file.proto.name));
/** Large or rarely used files, which are added to a registry only if they are imported. */
const RARE: ReadonlySet<string> = new Set(
  [
    file_google_protobuf_api,
    file_google_protobuf_descriptor,
    file_google_protobuf_source_context,
    file_google_protobuf_type,
  ].map((file) => file.proto.name),
);

/** Whether a file of this name is built in. */
export function isWellKnownFile(name: string): boolean {
  return NAMES.has(name);
}

/** The built-in files, repaired and ordered by imports, with the names of their types. */
export class WellKnownTypes {
  readonly #files: readonly FileDescriptorProto[];
  readonly #symbols = new Symbols();

  /** Copies the files, because repairing modifies them. */
  constructor() {
    this.#files = WELL_KNOWN_FILES.map(({ proto }) => clone(FileDescriptorProtoSchema, proto));
    const faults = new Faults();
    for (const file of this.#files) repairFile(file, this.#symbols, faults, "");
  }

  /** Returns a table with the names of all built-in types, to which more can be added. */
  symbols(): Symbols {
    return new Symbols(this.#symbols);
  }

  /** Returns the built-in files that a registry with `others` needs. */
  filesFor(others: readonly FileDescriptorProto[]): FileDescriptorProto[] {
    const imported = others.some((file) => file.dependency.some((name) => RARE.has(name)));
    return this.#files.filter((file) => imported || !RARE.has(file.name));
  }
}
