/**
 * Decodes descriptors after counting their elements, to bound the memory that they take.
 *
 * @module
 */

import { type DescField, type DescMessage, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import type { DescriptorBudget } from "./limits.ts";

/** Field number of `source_code_info`: positions and comments, most of the bytes of a file that has it. */
const SOURCE_CODE_INFO = FileDescriptorProtoSchema.field.sourceCodeInfo.number;
const FILE = FileDescriptorSetSchema.field.file.number;

/**
 * Decodes a `google.protobuf.FileDescriptorProto` without its comments. Throws RpcError (RESOURCE_EXHAUSTED) when it has
 * more elements than the budget has left, Error when the bytes are invalid.
 */
export function decodeFile(bytes: Uint8Array, budget: DescriptorBudget): FileDescriptorProto {
  const bare = withoutField(bytes, SOURCE_CODE_INFO);
  budget.takeElements(1 + countElements(FileDescriptorProtoSchema, bare, budget.elementsLeft));
  return fromBinary(FileDescriptorProtoSchema, bare);
}

/**
 * Returns the encoded files of a `google.protobuf.FileDescriptorSet`, at most `most`. Throws Error if the set is
 * invalid.
 */
export function filesOfSet(bytes: Uint8Array, most: number): Uint8Array[] {
  const files: Uint8Array[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len && files.length < most) {
    const [number, wireType] = reader.tag();
    const isFile = number === FILE && wireType === WireType.LengthDelimited;
    if (isFile) files.push(reader.bytes());
    else reader.skip(wireType, number);
  }
  return files;
}

/**
 * Counts the objects and list items that decoding `bytes` as `type` would create: messages, repeated and unknown
 * fields. Stops above `limit`, and creates no object per element. Throws Error if the bytes are invalid.
 */
export function countElements(type: DescMessage, bytes: Uint8Array, limit: number): number {
  let count = 0;
  const reader = new BinaryReader(bytes);
  // Types of the messages that contain the current position, the innermost last.
  const types = [type];
  const ends = [reader.len];
  while (types.length > 0 && count <= limit) {
    const end = ends[ends.length - 1];
    if (reader.pos >= end) {
      if (reader.pos > end) throw new Error("A field is longer than its message");
      types.pop();
      ends.pop();
      continue;
    }
    const [number, wireType] = reader.tag();
    const field = fieldsOf(types[types.length - 1]).get(number);
    if (field === undefined || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      if (field === undefined || field.fieldKind === "list") count++;
      continue;
    }
    const length = reader.uint32();
    if (reader.pos + length > end) throw new Error("A field is longer than its message");
    if (field.message !== undefined) {
      count++;
      types.push(field.message);
      ends.push(reader.pos + length);
      continue;
    }
    reader.pos += length;
    // A packed list has at most one item per byte.
    if (field.fieldKind === "list") count += isNumeric(field) ? 1 + length : 1;
  }
  return count;
}

// Whether a list may be packed: decoders accept packed items for every numeric list, whatever its declaration.
function isNumeric(field: DescField & { fieldKind: "list" }): boolean {
  const { listKind, scalar } = field;
  if (listKind !== "scalar") return listKind === "enum";
  return scalar !== ScalarType.STRING && scalar !== ScalarType.BYTES;
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(type: DescMessage): ReadonlyMap<number, DescField> {
  let fields = known.get(type);
  if (fields === undefined) {
    known.set(type, fields = new Map(type.fields.map((field) => [field.number, field])));
  }
  return fields;
}

/** Returns the bytes of a message without the top-level field `unwanted`. */
function withoutField(bytes: Uint8Array, unwanted: number): Uint8Array {
  const reader = new BinaryReader(bytes);
  let kept: Uint8Array | undefined;
  let length = 0;
  let from = 0;
  const keep = (to: number) => {
    kept ??= new Uint8Array(bytes.length);
    kept.set(bytes.subarray(from, to), length);
    length += to - from;
  };
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    if (number !== unwanted) continue;
    keep(start);
    from = reader.pos;
  }
  if (kept === undefined) return bytes;
  keep(bytes.length);
  return kept.subarray(0, length);
}
