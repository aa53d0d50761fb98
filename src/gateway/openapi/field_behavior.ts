/**
 * The option `google.api.field_behavior` of fields (google/api/field_behavior.proto).
 *
 * @module
 */

import type { DescField } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** What the option says, as far as OpenAPI can. */
export interface FieldBehavior {
  readonly required: boolean;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
}

/** Number of the extension of google.protobuf.FieldOptions. */
const FIELD_BEHAVIOR = 1_052;
/** Values of google.api.FieldBehavior. */
const REQUIRED = 2;
const OUTPUT_ONLY = 3;
const INPUT_ONLY = 4;

/** Reads the option; a damaged one says nothing. */
export function fieldBehavior(field: DescField): FieldBehavior {
  const values = new Set<number>();
  for (const { no, wireType, data } of field.proto.options?.$unknown ?? []) {
    if (no !== FIELD_BEHAVIOR) continue;
    try {
      readValues(new BinaryReader(data), wireType, values);
    } catch {
      // Options are for people here.
    }
  }
  return {
    required: values.has(REQUIRED),
    readOnly: values.has(OUTPUT_ONLY),
    writeOnly: values.has(INPUT_ONLY),
  };
}

function readValues(reader: BinaryReader, wireType: WireType, values: Set<number>): void {
  if (wireType === WireType.Varint) values.add(reader.int32());
  if (wireType !== WireType.LengthDelimited) return;
  const end = reader.uint32() + reader.pos;
  while (reader.pos < Math.min(end, reader.len)) values.add(reader.int32());
}
