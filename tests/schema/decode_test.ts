import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { countElements, decodeFile, filesOfSet } from "../../src/schema/decode.ts";
import { DescriptorBudget } from "../../src/schema/limits.ts";
import { file, message, scalar } from "./descriptors.ts";

Deno.test("decodeFile() leaves comments out, and keeps the rest", () => {
  const given = file("a.proto", {
    messageType: [message("M", [scalar("a", 1, "string")])],
    sourceCodeInfo: { location: [{ path: [4, 0], leadingComments: "a comment" }] },
  });
  const bytes = toBinary(FileDescriptorProtoSchema, given);
  const read = decodeFile(bytes, new DescriptorBudget());
  assert.equal(read.sourceCodeInfo, undefined);
  given.sourceCodeInfo = undefined;
  assert.deepEqual(
    toBinary(FileDescriptorProtoSchema, read),
    toBinary(FileDescriptorProtoSchema, given),
  );
});

Deno.test("decodeFile() counts elements before it decodes", () => {
  // 500,000 messages of two bytes each.
  const bytes = new Uint8Array(1_000_000);
  for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x22;
  const budget = new DescriptorBudget({ maxElements: 1_000 });
  assert.throws(() => decodeFile(bytes, budget), /too many elements, limit is 1000/);
});

Deno.test("countElements() counts messages, items of lists and unknown fields, at any depth", () => {
  let nested = create(DescriptorProtoSchema, { name: "M" });
  for (let i = 0; i < 50; i++) {
    nested = create(DescriptorProtoSchema, { name: "M", nestedType: [nested] });
  }
  const deep = toBinary(DescriptorProtoSchema, nested);
  assert.equal(countElements(DescriptorProtoSchema, deep, 1_000), 50);
  // A string twice, an unknown field, and the name, which is no list.
  const flat = new Uint8Array([0x52, 0, 0x52, 1, 0x61, 0x78, 1, 0x0a, 1, 0x61]);
  assert.equal(countElements(DescriptorProtoSchema, flat, 1_000), 3);
  // A packed list of numbers.
  const packed = new Uint8Array([0x52, 3, 1, 2, 3]);
  assert.equal(countElements(FileDescriptorProtoSchema, packed, 1_000), 4);
  assert.ok(countElements(DescriptorProtoSchema, deep, 10) <= 12);
});

Deno.test("filesOfSet() splits a set, and stops at the number wanted", () => {
  const set = toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, { file: [file("a"), file("b"), file("c")] }),
  );
  assert.equal(filesOfSet(set, 10).length, 3);
  assert.equal(filesOfSet(set, 2).length, 2);
  assert.throws(() => filesOfSet(set.subarray(0, set.length - 1), 10));
});
