import assert from "node:assert/strict";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  file_google_protobuf_descriptor,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { FileIndex } from "../../src/services/file_index.ts";

Deno.test("FileIndex finds extensions by type and number, and sends dependencies once", () => {
  const proto = create(FileDescriptorProtoSchema, {
    name: "x/ext.proto",
    package: "x",
    syntax: "proto3",
    dependency: ["google/protobuf/descriptor.proto"],
    extension: [7001, 5001].map((number) => ({
      name: `e${number}`,
      number,
      extendee: ".google.protobuf.MethodOptions",
      type: FieldDescriptorProto_Type.STRING,
      label: FieldDescriptorProto_Label.OPTIONAL,
      jsonName: `e${number}`,
    })),
  });
  const file = createFileRegistry(
    proto,
    (name) =>
      name === "google/protobuf/descriptor.proto" ? file_google_protobuf_descriptor : undefined,
  ).getFile("x/ext.proto");
  assert.ok(file);
  const index = new FileIndex([file]);
  assert.deepEqual(index.extensionNumbers("google.protobuf.MethodOptions"), [5001, 7001]);
  assert.deepEqual(index.extensionNumbers("google.protobuf.Any"), []);
  assert.equal(index.extensionNumbers("x.None"), undefined);
  assert.equal(index.byExtension("google.protobuf.MethodOptions", 5001)?.proto.name, "x/ext.proto");
  assert.equal(index.bySymbol("x.e7001")?.proto.name, "x/ext.proto");
  const sent = new Set<string>();
  const names = () =>
    index.withDependencies(file, sent).map((b) => fromBinary(FileDescriptorProtoSchema, b).name);
  assert.deepEqual(names(), ["x/ext.proto", "google/protobuf/descriptor.proto"]);
  assert.deepEqual(names(), ["x/ext.proto"]);
});
