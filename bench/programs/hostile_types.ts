/**
 * Message types of the programs that measure hostile messages.
 *
 * @module
 */

import { create, createFileRegistry, type DescMessage } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";

const { FieldDescriptorProto_Label: Label, FieldDescriptorProto_Type: Type } = wkt;

/** A message type with lists and maps of each kind of value. */
export const All: DescMessage = (() => {
  const kinds = {
    int: Type.INT32,
    long: Type.INT64,
    double: Type.DOUBLE,
    bool: Type.BOOL,
    text: Type.STRING,
    data: Type.BYTES,
    kind: Type.ENUM,
    time: Type.MESSAGE,
    span: Type.MESSAGE,
    next: Type.MESSAGE,
    value: Type.MESSAGE,
    boxed: Type.MESSAGE,
  };
  const typeNames: Record<string, string> = {
    kind: ".all.Kind",
    time: ".google.protobuf.Timestamp",
    span: ".google.protobuf.Duration",
    next: ".all.All",
    value: ".google.protobuf.Value",
    boxed: ".google.protobuf.Int64Value",
  };
  const typed = Object.entries(kinds).map(([name, type]) => ({
    name,
    type,
    typeName: typeNames[name] ?? "",
  }));
  const plain = { label: Label.OPTIONAL };
  const field = (name: string, number: number, more: object) => ({
    ...{ name, jsonName: name, number, label: Label.REPEATED },
    ...more,
  });
  const mapOf = (name: string, key: number, value: object) => ({
    name,
    options: { mapEntry: true },
    field: [field("key", 1, { type: key, ...plain }), field("value", 2, { ...value, ...plain })],
  });
  const entry = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}Entry`;
  const keys = { byInt: Type.INT32, byLong: Type.INT64, byBool: Type.BOOL };
  const maps = [
    ...typed.map(({ name, type, typeName }) => ({
      name: `${name}Map`,
      entry: mapOf(entry(`${name}Map`), Type.STRING, { type, typeName }),
    })),
    ...Object.entries(keys).map(([name, key]) => ({
      name,
      entry: mapOf(entry(name), key, { type: Type.INT32 }),
    })),
  ];
  const file = create(wkt.FileDescriptorProtoSchema, {
    name: "all.proto",
    package: "all",
    syntax: "proto3",
    dependency: ["timestamp", "duration", "struct", "wrappers"].map((name) =>
      `google/protobuf/${name}.proto`
    ),
    enumType: [{ name: "Kind", value: [{ name: "NONE", number: 0 }, { name: "ONE", number: 1 }] }],
    messageType: [{
      name: "All",
      nestedType: maps.map((map) => map.entry),
      field: [
        ...typed.map(({ name, type, typeName }, i) => field(name, 1 + i, { type, typeName })),
        ...maps.map(({ name }, i) =>
          field(name, 50 + i, { type: Type.MESSAGE, typeName: `.all.All.${entry(name)}` })
        ),
        field("one", 100, { type: Type.MESSAGE, typeName: ".all.All", ...plain }),
        field("any", 101, { type: Type.STRING, ...plain }),
        field("struct", 102, {
          type: Type.MESSAGE,
          typeName: ".google.protobuf.Struct",
          ...plain,
        }),
      ],
    }],
  } as never);
  const known: Record<string, wkt.FileDescriptorProto> = {
    "google/protobuf/timestamp.proto": wkt.file_google_protobuf_timestamp.proto,
    "google/protobuf/duration.proto": wkt.file_google_protobuf_duration.proto,
    "google/protobuf/struct.proto": wkt.file_google_protobuf_struct.proto,
    "google/protobuf/wrappers.proto": wkt.file_google_protobuf_wrappers.proto,
  };
  return createFileRegistry(file, (name) => known[name]).getMessage("all.All")!;
})();
