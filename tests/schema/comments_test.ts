import assert from "node:assert/strict";
import { toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Comments } from "../../src/schema/comments.ts";
import { commented } from "./commented.ts";
import { enumOf, file, message, scalar, service } from "./descriptors.ts";

function api(): FileDescriptorProto {
  return file("a.proto", {
    messageType: [
      message("A", [scalar("x", 1, "string"), scalar("y", 2, "string", { oneofIndex: 0 })], {
        oneofDecl: [{ name: "side" }],
        nestedType: [message("Inner", [scalar("z", 1, "string")])],
        enumType: [enumOf("Kind", ["NONE"])],
      }),
    ],
    enumType: [enumOf("Top", ["ZERO", "ONE"])],
    service: [service("S", { M: [".t.A", ".t.A"] })],
  });
}

const ALL = commented(api(), [
  [[4, 0], " A message.\n\n   indented\n"],
  [[4, 0, 2, 0], "", " trailing\n"],
  [[4, 0, 2, 1], " leading\n", " trailing\n"],
  [[4, 0, 8, 0], "oneof"],
  [[4, 0, 3, 0, 2, 0], "inner"],
  [[4, 0, 4, 0, 2, 0], "value"],
  [[5, 0], "top"],
  [[5, 0, 2, 1], "one"],
  [[6, 0], "service"],
  [[6, 0, 2, 0], "method"],
]);

const NAMES: Record<string, string> = {
  "t.A": "A message.\n\n  indented",
  "t.A.x": "trailing",
  "t.A.y": "leading",
  "t.A.side": "oneof",
  "t.A.Inner.z": "inner",
  "t.A.Kind.NONE": "value",
  "t.Top": "top",
  "t.Top.ONE": "one",
  "t.S": "service",
  "t.S.M": "method",
};

Deno.test("comments have the names of what they stand at, from bytes and from a decoded file", () => {
  for (const bytes of [toBinary(FileDescriptorProtoSchema, ALL), undefined]) {
    const comments = new Comments();
    comments.addFile(ALL, bytes);
    for (const [name, text] of Object.entries(NAMES)) assert.equal(comments.get(name), text, name);
    assert.equal(comments.get("t.Top.ZERO"), undefined);
  }
});

Deno.test("paths that lead nowhere are skipped", () => {
  const comments = new Comments();
  const deep = [4, 0, ...Array.from({ length: 200 }, (_, i) => i % 2 === 0 ? 3 : 0)];
  comments.addFile(commented(api(), [
    ...[[], [4], [4, 9], [4, -1], [4, 0, 2], [4, 0, 2, 9], [9, 0], [4, 0, 2, 0, 1, 0], deep].map(
      (path): [number[], string] => [path, "x"],
    ),
    [[6, 0, 3, 0], "x"],
    [[5, 0], " \n "],
  ]));
  for (const name of Object.keys(NAMES)) assert.equal(comments.get(name), undefined, name);
});

Deno.test("comments are bounded, each and together", () => {
  const one = new Comments();
  one.addFile(commented(api(), [[[4, 0], "a".repeat(10_000)]]));
  assert.equal(one.get("t.A")!.length, 4_096);
  const many = new Comments();
  for (let i = 0; i < 600; i++) {
    const each = file(`${i}.proto`, { messageType: [message(`M${i}`)] });
    many.addFile(commented(each, [[[4, 0], "a".repeat(5_000)]]));
  }
  assert.equal(many.get("t.M500")!.length, 4_096);
  assert.equal(many.get("t.M550"), undefined);
});

Deno.test("damaged comments are left out", () => {
  const comments = new Comments();
  comments.addFile(ALL, new Uint8Array([0x4a, 9, 1]));
  const bytes = toBinary(FileDescriptorProtoSchema, ALL);
  // The last field of the file is its syntax, in eight bytes.
  for (let end = 0; end < bytes.length - 8; end++) comments.addFile(ALL, bytes.subarray(0, end));
  assert.equal(comments.get("t.S.M"), undefined);
});
