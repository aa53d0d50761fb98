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

/** The well-known types, each file after its imports: their JSON form is built in, so no other definition is taken. */
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
/** Files that are large or rare, and in a registry only if they are imported. */
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

/** The built-in files, whole and in order, with the names of their types. */
export class WellKnownTypes {
  readonly #files: readonly FileDescriptorProto[];
  readonly #symbols = new Symbols();

  /** Makes copies: repairing changes files. */
  constructor() {
    this.#files = WELL_KNOWN_FILES.map(({ proto }) => clone(FileDescriptorProtoSchema, proto));
    const faults = new Faults();
    for (const file of this.#files) repairFile(file, this.#symbols, faults, "");
  }

  /** Names of all types, to which more can be added. */
  symbols(): Symbols {
    return new Symbols(this.#symbols);
  }

  /** The files that `others` may use. */
  filesFor(others: readonly FileDescriptorProto[]): FileDescriptorProto[] {
    const imported = others.some((file) => file.dependency.some((name) => RARE.has(name)));
    return this.#files.filter((file) => imported || !RARE.has(file.name));
  }
}
