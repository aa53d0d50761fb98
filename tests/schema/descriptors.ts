/**
 * Descriptors for tests, written in few words.
 *
 * @module
 */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type DescriptorProtoSchema,
  type FieldDescriptorProto_Label,
  type FieldDescriptorProto_Type,
  type FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>;
type Message = MessageInitShape<typeof DescriptorProtoSchema>;
type File = MessageInitShape<typeof FileDescriptorProtoSchema>;

/** Numbers of FieldDescriptorProto.Type, by the names of the language. */
export const TYPES = {
  double: 1,
  float: 2,
  int64: 3,
  int32: 5,
  bool: 8,
  string: 9,
  group: 10,
  message: 11,
  bytes: 12,
  enum: 14,
} as const satisfies Record<string, FieldDescriptorProto_Type>;
export const REPEATED: FieldDescriptorProto_Label = 3;
export const REQUIRED: FieldDescriptorProto_Label = 2;

/** Field of a scalar type. */
export function scalar(name: string, number: number, type: keyof typeof TYPES, more: Field = {}) {
  return { name, number, type: TYPES[type], ...more };
}

/** Field of a message or enum type, whose kind is left out as descriptor.proto allows. */
export function typed(name: string, number: number, typeName: string, more: Field = {}): Field {
  return { name, number, typeName, ...more };
}

/** Message of the given fields. */
export function message(name: string, field: Field[] = [], more: Message = {}): Message {
  return { name, field, ...more };
}

/** File of proto3 in the package `t`. */
export function file(name: string, more: File = {}): FileDescriptorProto {
  return create(FileDescriptorProtoSchema, { name, package: "t", syntax: "proto3", ...more });
}

/** Service `name` whose methods take and return the given types. */
export function service(name: string, methods: Record<string, [string, string]>) {
  return {
    name,
    method: Object.entries(methods).map(([method, [inputType, outputType]]) => (
      { name: method, inputType, outputType }
    )),
  };
}

/** Enum whose values have the numbers 0, 1 and so on. */
export function enumOf(name: string, values: readonly string[]) {
  return { name, value: values.map((value, number) => ({ name: value, number })) };
}
