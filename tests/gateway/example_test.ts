import assert from "node:assert/strict";
import type { DescMessage } from "@bufbuild/protobuf";
import {
  AnySchema,
  BytesValueSchema,
  DurationSchema,
  EmptySchema,
  FieldMaskSchema,
  Int64ValueSchema,
  ListValueSchema,
  StructSchema,
  TimestampSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { ExampleWriter } from "../../src/gateway/example.ts";
import { typesOf } from "../../src/schema/types.ts";
import { file, message, REPEATED, REQUIRED, scalar, typed } from "../schema/descriptors.ts";

const exampleOf = (type: DescMessage, maxFields = 1_000) => new ExampleWriter(maxFields).of(type);

Deno.test("ExampleWriter writes the well-known types in their JSON form", () => {
  for (
    const [type, json] of [
      [AnySchema, {}],
      [BytesValueSchema, ""],
      [DurationSchema, "0s"],
      [EmptySchema, {}],
      [FieldMaskSchema, ""],
      [Int64ValueSchema, "0"],
      [ListValueSchema, []],
      [StructSchema, {}],
      [TimestampSchema, "1970-01-01T00:00:00Z"],
      [ValueSchema, null],
    ] as const
  ) assert.deepEqual(exampleOf(type), json, type.typeName);
});

Deno.test("ExampleWriter writes what has a default, and what is required", () => {
  const entry = message("MapEntry", [scalar("key", 1, "string"), typed("value", 2, ".t.M")], {
    options: { mapEntry: true },
  });
  const { registry } = typesOf([
    file("a.proto", {
      messageType: [message("M", [
        scalar("text_field", 1, "string"),
        scalar("big", 2, "int64"),
        scalar("small", 3, "int32"),
        scalar("list", 4, "bytes", { label: REPEATED }),
        typed("map", 5, ".t.M.MapEntry", { label: REPEATED }),
        typed("kind", 6, ".t.Kind"),
        typed("self", 7, ".t.M"),
        scalar("odd", 8, "double", { jsonName: "__proto__" }),
        scalar("one", 9, "string", { oneofIndex: 0 }),
      ], { nestedType: [entry], oneofDecl: [{ name: "choice" }] })],
      enumType: [{ name: "Kind", value: [{ name: "FIRST", number: 0 }] }],
    }),
    file("b.proto", {
      package: "u",
      syntax: "proto2",
      messageType: [message("R", [
        typed("again", 1, ".u.R", { label: REQUIRED }),
        scalar("number", 2, "int32", { label: REQUIRED }),
        scalar("optional", 3, "int32"),
      ])],
    }),
  ]);
  assert.equal(
    JSON.stringify(exampleOf(registry.getMessage("t.M")!)),
    '{"textField":"","big":"0","small":0,"list":[],"map":{},"kind":"FIRST","__proto__":0}',
  );
  // A required field of its own type can't be filled: levels end somewhere.
  const endless = JSON.stringify(exampleOf(registry.getMessage("u.R")!));
  assert.match(endless, /^({"again":)+{},?/);
  assert.ok(endless.length < 1_000);
});

Deno.test("ExampleWriter stops at its number of fields, for all examples together", () => {
  const fields = Array.from({ length: 100 }, (_, i) => scalar(`f${i}`, i + 1, "int32"));
  const { registry } = typesOf([file("a.proto", { messageType: [message("M", fields)] })]);
  const type = registry.getMessage("t.M")!;
  const writer = new ExampleWriter(150);
  const sizes = [1, 2, 3].map(() => Object.keys(writer.of(type) as object).length);
  assert.deepEqual(sizes, [100, 50, 0]);
});

Deno.test("ExampleWriter takes the first value of an enum that says something", () => {
  const values = (...names: string[]) => names.map((name, number) => ({ name, number }));
  const { registry } = typesOf([file("a.proto", {
    messageType: [message("M", [
      typed("suite", 1, ".t.Suite"),
      typed("none", 2, ".t.None"),
      typed("color", 3, ".t.Color"),
    ])],
    enumType: [
      { name: "Suite", value: values("SUITE_UNSPECIFIED", "SUITE_RSA", "SUITE_EC") },
      { name: "None", value: values("NONE_UNSPECIFIED") },
      { name: "Color", value: values("RED", "BLUE") },
    ],
  })]);
  assert.deepEqual(exampleOf(registry.getMessage("t.M")!), {
    suite: "SUITE_RSA",
    none: "NONE_UNSPECIFIED",
    color: "RED",
  });
});
