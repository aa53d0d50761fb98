/**
 * What the writers of JSON share.
 *
 * @module
 */

import type { Registry } from "@bufbuild/protobuf";

/** Options of writing one text. */
export interface Output {
  readonly registry: Registry | undefined;
  /** Messages of type Any that the writer is in. */
  anys: number;
}

/** How fields are written; each combination is compiled for itself. */
export interface Style {
  /** Whether fields without presence are written with their zero value, too, and lists and maps without items. */
  readonly alwaysEmitImplicit: boolean;
  /** Whether enum values are numbers. */
  readonly enumAsInteger: boolean;
  /** Whether members have the names of the fields as in the proto file. */
  readonly useProtoFieldName: boolean;
}

/** Writes a value at `p`; returns the position after it. */
export type Write = (value: unknown, b: Uint8Array, p: number, o: Output) => number;
