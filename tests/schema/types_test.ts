import assert from "node:assert/strict";
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import {
  Edition,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { typesOf, typesOfSet } from "../../src/schema/types.ts";
import { file, message, REPEATED, REQUIRED, scalar, service, typed, TYPES } from "./descriptors.ts";
import { assertGrowth } from "../fixtures/growth.ts";

const ECHO = service("S", { Good: [".t.Good", ".t.Good"], Bad: [".t.Bad", ".t.Good"] });
const GOOD = message("Good", [scalar("snake_case", 1, "int64")]);

/** Asserts that `Good` can be called and `Bad` can't, for a reason with this text. */
function assertOneFault(types: ReturnType<typeof typesOf>, reason: RegExp): void {
  assert.deepEqual([...types.faults.keys()], ["/t.S/Bad"]);
  assert.match(types.faults.get("/t.S/Bad")!, reason);
  const good = types.registry.getService("t.S")!.methods.find((one) => one.name === "Good")!;
  assert.deepEqual(roundTrip(good.input, { snakeCase: "9007199254740993" }), {
    snakeCase: "9007199254740993",
  });
}

function roundTrip(type: DescMessage, json: JsonValue): JsonValue {
  return toJson(type, fromBinary(type, toBinary(type, fromJson(type, json))));
}

Deno.test("JSON names that are left out are derived (descriptor.proto, json_name)", () => {
  const { registry, faults } = typesOf([file("a.proto", {
    syntax: "proto2",
    messageType: [message("M", [
      scalar("plain_name", 1, "string"),
      scalar("_leading", 2, "string"),
      scalar("with_1_digit", 3, "string"),
      scalar("UPPER_CASE", 4, "string"),
      scalar("given_name", 5, "string", { jsonName: "other" }),
      typed("in_group", 6, ".t.M.In_Group", { type: TYPES.group }),
    ], {
      nestedType: [message("In_Group", [scalar("deep_name", 1, "string")])],
    })],
    extension: [scalar("extra_name", 100, "string", { extendee: ".t.M" })],
  })]);
  assert.equal(faults.size, 0);
  const names = (type: string) => registry.getMessage(type)!.fields.map((field) => field.jsonName);
  assert.deepEqual(names("t.M"), [
    ...["plainName", "Leading", "with1Digit", "UPPERCASE", "other", "inGroup"],
  ]);
  assert.deepEqual(names("t.M.In_Group"), ["deepName"]);
  assert.equal(registry.getExtension("t.extra_name")!.jsonName, "[t.extra_name]");
});

Deno.test("a type that is missing costs the methods that reach it, and is named", () => {
  const types = typesOf([file("a.proto", {
    dependency: ["gone.proto"],
    messageType: [
      GOOD,
      message("Bad", [typed("middle", 1, ".t.Middle", { label: REPEATED })]),
      message("Middle", [typed("end", 1, ".other.Gone"), typed("again", 2, ".t.Bad")]),
    ],
    service: [ECHO],
  })]);
  assertOneFault(
    types,
    /^the type other\.Gone of t\.Middle\.end is missing: a\.proto imports gone\.proto, which is missing$/,
  );
  const bad = types.registry.getService("t.S")!.methods[1];
  assert.equal(bad.input.typeName, "t.Bad");
  assert.equal(bad.input.fields[0].message!.fields[0].message!.typeName, "other.Gone");
  // In google.protobuf.Any it would lose fields.
  assert.equal(types.registry.getMessage("t.Bad"), undefined);
  assert.ok(types.registry.getMessage("t.Good"));
});

Deno.test("what is wrong in a message costs the methods that reach it", () => {
  const enums = [{ name: "Empty" }, { name: "Named", value: [{ name: "no name", number: 0 }] }];
  const maps = {
    nestedType: [
      message("E", [scalar("key", 1, "double"), scalar("value", 2, "string")], {
        options: { mapEntry: true },
      }),
    ],
  };
  for (
    const [bad, reason] of [
      [message("Bad", [scalar("", 1, "string")]), /a field without a valid name/],
      [message("Bad", [scalar("a\u001b]0;b", 1, "string")]), /a field without a valid name/],
      [message("Bad", [scalar("a", 0, "string")]), /the field a with the number 0/],
      [message("Bad", [scalar("a", 2 ** 29, "string")]), /the number 536870912/],
      [message("Bad", [scalar("a", 1, "string"), scalar("b", 1, "string")]), /number 1 twice/],
      [message("Bad", [scalar("a", 1, "string"), scalar("a", 2, "string")]), /field a twice/],
      [message("Bad", [{ name: "a", number: 1 }]), /the field a without a type/],
      [message("Bad", [{ name: "a", number: 1, type: 77 as 1 }]), /a with an unknown type/],
      [message("Bad", [scalar("a", 1, "string", { oneofIndex: 3 })]), /in a oneof that is missing/],
      [message("Bad", [typed("a", 1, "")]), /the field a without a type/],
      [
        message("Bad", [typed("a", 1, "", { type: TYPES.message })]),
        /a type without a name of t\.Bad\.a/,
      ],
      [
        message("Bad", [typed("a", 1, "..", { type: TYPES.enum })]),
        /the type \. of t\.Bad\.a is missing/,
      ],
      [
        message("Bad", [typed("a", 1, ".t.Good", { type: TYPES.enum })]),
        /the type t\.Good of t\.Bad\.a/,
      ],
      [message("Bad", [typed("a", 1, ".t.S")]), /the type t\.S of t\.Bad\.a is missing/],
      [message("Bad", [typed("a", 1, ".t.Empty")]), /the enum t\.Empty has no value/],
      [message("Bad", [typed("a", 1, ".t.Named")]), /the enum t\.Named has a value without/],
      [
        message("Bad", [scalar("a", 1, "int32", { defaultValue: "x" })]),
        /a has a default that does/,
      ],
      [
        message("Bad", [typed("a", 1, ".t.Bad.E", { label: REPEATED })], maps),
        /map without a valid key/,
      ],
      [message("Bad", [], { oneofDecl: [{ name: "-" }] }), /a oneof without a valid name/],
    ] as const
  ) {
    const types = typesOf([
      file("a.proto", {
        syntax: "proto2",
        messageType: [GOOD, bad],
        enumType: enums,
        service: [ECHO],
      }),
    ]);
    assertOneFault(types, reason);
  }
});

Deno.test("what has no name, or a name that is taken, is left out", () => {
  const again = message("Good", [scalar("other", 1, "string")]);
  const { registry, faults } = typesOf([
    file("a.proto", {
      messageType: [GOOD, again, message(""), message("a b"), message("t.x")],
      enumType: [{ name: "Good", value: [{ name: "A", number: 0 }] }],
      service: [
        service("Good", { M: [".t.Good", ".t.Good"] }),
        service("S", { M: [".t.Good", ".t.Good"], "": [".t.Good", ".t.Good"] }),
        service("", { M: [".t.Good", ".t.Good"] }),
      ],
      extension: [scalar("Good", 5, "string", { extendee: ".t.Good" })],
    }),
    file("b.proto", { messageType: [again], service: [service("S", {})] }),
    file("a.proto", { messageType: [message("Late")] }),
  ]);
  assert.equal(faults.size, 0);
  assert.deepEqual([...registry].map((desc) => desc.typeName).filter((name) => /^t\./.test(name)), [
    ...["t.Good", "t.S"],
  ]);
  assert.equal(registry.getMessage("t.Good")!.fields[0].name, "snake_case");
  assert.deepEqual(registry.getService("t.S")!.methods.map((method) => method.name), ["M"]);
});

Deno.test("names may be relative to their scope (descriptor.proto, type_name)", () => {
  const { registry, faults } = typesOf([file("a.proto", {
    package: "a.b",
    messageType: [
      message("Outer", [typed("one", 1, "Inner"), typed("two", 2, "b.Other")], {
        nestedType: [message("Inner")],
      }),
      message("Other"),
    ],
    service: [service("S", { M: ["Outer", "b.Outer.Inner"] })],
  })]);
  assert.equal(faults.size, 0);
  const [method] = registry.getService("a.b.S")!.methods;
  assert.equal(method.input.fields[0].message!.typeName, "a.b.Outer.Inner");
  assert.equal(method.input.fields[1].message!.typeName, "a.b.Other");
  assert.equal(method.output.typeName, "a.b.Outer.Inner");
});

Deno.test("names of many parts and long references are not searched for in every scope", async () => {
  const field = (typeName: string) => (_: unknown, i: number) => typed(`f${i}`, i + 1, typeName);
  const length = 2_000;
  await assertGrowth([10, 250], 5, (parts) =>
    typesOf([
      file("deep.proto", {
        package: Array(parts).fill("a").join("."),
        messageType: [message("M", Array.from({ length }, field("zz")))],
      }),
    ]));
  const few = Array(30).fill("a").join(".");
  const long = file("long.proto", {
    package: few,
    messageType: [message("M", Array.from({ length: 100 }, field("z".repeat(200_000))))],
    service: [service("S", { Bad: ["M", "M"] })],
  });
  const { faults } = typesOf([long]);
  assert.match(faults.get(`/${few}.S/Bad`)!, /^the type z{200} of .* is missing/);
});

Deno.test("files that import each other, themselves or nothing of use are read", () => {
  const { registry, faults } = typesOf([
    file("a.proto", {
      dependency: ["b.proto", "a.proto"],
      publicDependency: [0, 7, -1],
      weakDependency: [1, 99],
      messageType: [message("A", [typed("b", 1, ".t.B")])],
      service: [service("SA", { M: [".t.A", ".t.A"] })],
    }),
    file("b.proto", {
      dependency: ["a.proto"],
      messageType: [message("B", [typed("a", 1, ".t.A")]), message("C")],
      service: [service("SB", { M: [".t.C", ".t.C"] })],
    }),
  ]);
  assert.deepEqual([...faults.keys()], ["/t.SA/M"]);
  assert.match(
    faults.get("/t.SA/M")!,
    /type t\.A of t\.B\.a is missing: b\.proto and a\.proto import/,
  );
  assert.ok(registry.getService("t.SB"));
});

Deno.test("a file that can't be read costs its services alone", () => {
  for (
    const more of [
      { syntax: "proto9" },
      { syntax: "editions", edition: Edition.EDITION_UNKNOWN },
      { syntax: "editions", edition: 1234 },
      { package: "a..b" },
      { package: 't"];throw 1;//' },
    ]
  ) {
    const { registry, faults } = typesOf([
      file("bad.proto", { ...more, service: [service("S", {})] }),
      file("good.proto", { messageType: [GOOD] }),
    ]);
    assert.equal(faults.size, 1);
    assert.match(
      [...faults.values()][0],
      /the file bad\.proto cannot be read: its (syntax|edition|package)/,
    );
    assert.ok(registry.getMessage("t.Good"));
  }
});

Deno.test("syntax, labels, options and file names may be left out", () => {
  const { registry, faults } = typesOf([
    file("", { syntax: "", messageType: [message("A", [scalar("a", 1, "string")])] }),
    file("", {
      syntax: "editions",
      edition: Edition.EDITION_2023,
      messageType: [message("B", [scalar("b", 1, "string"), typed("a", 2, ".t.A")])],
    }),
  ]);
  assert.equal(faults.size, 0);
  assert.deepEqual(roundTrip(registry.getMessage("t.B")!, { b: "", a: { a: "x" } }), {
    b: "",
    a: { a: "x" },
  });
});

Deno.test("the well-known types are built in, and no file replaces them", () => {
  const { registry, faults } = typesOf([
    file("google/protobuf/struct.proto", {
      package: "google.protobuf",
      messageType: [message("Struct", [scalar("x", 1, "string")])],
    }),
    file("mine.proto", { package: "google.protobuf", messageType: [message("Timestamp")] }),
    file("a.proto", {
      dependency: ["google/protobuf/struct.proto", "google/protobuf/timestamp.proto"],
      messageType: [message("M", [
        typed("value", 1, ".google.protobuf.Struct"),
        typed("time", 2, ".google.protobuf.Timestamp"),
      ])],
    }),
  ]);
  assert.equal(faults.size, 0);
  const json = { value: { a: [1, null] }, time: "2020-01-01T00:00:00Z" };
  assert.deepEqual(roundTrip(registry.getMessage("t.M")!, json), json);
});

Deno.test("maps, groups, required fields, recursion and editions work without options of their own", () => {
  const entry = message("ItemsEntry", [scalar("key", 1, "string"), typed("value", 2, ".t.M")], {
    options: { mapEntry: true },
  });
  const { registry, faults } = typesOf([file("a.proto", {
    syntax: "proto2",
    messageType: [message("M", [
      typed("items", 1, ".t.M.ItemsEntry", { label: REPEATED }),
      typed("part", 2, ".t.M.Part", { type: TYPES.group, label: REPEATED }),
      typed("self", 3, ".t.M"),
      scalar("must_be", 4, "int32", { label: REQUIRED }),
    ], { nestedType: [entry, message("Part", [scalar("deep_x", 1, "bytes")])] })],
  })]);
  assert.equal(faults.size, 0);
  const inner = { mustBe: 1 };
  const json = { items: { a: inner }, part: [{ deepX: "aGk=" }], self: inner, mustBe: 2 };
  assert.deepEqual(roundTrip(registry.getMessage("t.M")!, json), json);
});

Deno.test("typesOfSet() reads a descriptor set within its limits", () => {
  const set = toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, {
      file: [
        file("a.proto", { messageType: [GOOD], sourceCodeInfo: { location: [{ path: [4, 0] }] } }),
        file("b.proto"),
      ],
    }),
  );
  assert.ok(typesOfSet(set).registry.getMessage("t.Good"));
  assert.throws(() => typesOfSet(set, { maxFiles: 1 }), /too many files, limit is 1 \(maxFiles\)/);
  assert.throws(() => typesOfSet(set, { maxElements: 2 }), /too many elements, limit is 2/);
  assert.throws(() => typesOfSet(new Uint8Array(2_000), { maxBytes: 1_024 }), /too many bytes/);
  assert.throws(() => typesOfSet(new Uint8Array([1, 2, 3])), Error);
});

Deno.test("no damage to a descriptor makes typesOf() throw", () => {
  const whole = toBinary(
    FileDescriptorProtoSchema,
    file("a.proto", {
      syntax: "proto2",
      dependency: ["google/protobuf/any.proto"],
      messageType: [
        GOOD,
        message("Bad", [
          typed("good", 1, ".t.Good", { label: REPEATED }),
          typed("kind", 2, ".t.Kind", { defaultValue: "A" }),
          typed("map", 3, ".t.Bad.MapEntry", { label: REPEATED }),
          scalar("one", 4, "string", { oneofIndex: 0 }),
          typed("any", 5, ".google.protobuf.Any", { oneofIndex: 0 }),
        ], {
          oneofDecl: [{ name: "choice" }],
          nestedType: [
            message("MapEntry", [scalar("key", 1, "string"), typed("value", 2, ".t.Good")], {
              options: { mapEntry: true },
            }),
          ],
          extensionRange: [{ start: 100, end: 200 }],
        }),
      ],
      enumType: [{ name: "Kind", value: [{ name: "A", number: 0 }] }],
      extension: [scalar("ext", 100, "int32", { extendee: ".t.Bad", label: REPEATED })],
      service: [ECHO],
    }),
  );
  let decoded = 0;
  for (let at = 0; at < whole.length; at++) {
    for (const byte of [0, 0x2e, whole[at] ^ 1]) {
      const damaged = whole.slice();
      damaged[at] = byte;
      let one;
      try {
        one = fromBinary(FileDescriptorProtoSchema, damaged);
      } catch {
        continue;
      }
      decoded++;
      typesOf([one]);
    }
  }
  assert.ok(decoded > 200, `${decoded}`);
});
