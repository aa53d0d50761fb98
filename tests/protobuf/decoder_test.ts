import assert from "node:assert/strict";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import { OrderListSchema, OrderSchema } from "../../proto/gen/bench/orders_pb.ts";
import { decoderOf } from "../../src/protobuf/decoder.ts";
import { assertGrowth } from "../fixtures/growth.ts";

const decode = decoderOf(OrderSchema, true);

/** The field `labels` (4) with one entry of a key and an empty value. */
const entry = (...key: number[]) => Uint8Array.of(0x22, key.length + 2, 0x0a, key.length, ...key);

Deno.test("decoderOf() does not take a key of a map for the one with the same code units", () => {
  assert.deepEqual(decode(entry(0xc3, 0xa9)).labels, { "é": "" });
  assert.deepEqual(decode(entry(0x65)).labels, { e: "" });
  // The byte E9 is the code unit of é, but not UTF-8.
  assert.throws(() => decode(entry(0xe9)), /malformed/);
  // Many keys, several of which share a place in the table of kept keys.
  for (const round of [0, 1]) {
    for (let i = 0; i < 2000; i++) {
      const key = `${"k".repeat(i % 30)}${i}`;
      const bytes = toBinary(OrderSchema, create(OrderSchema, { labels: { [key]: `${round}` } }));
      assert.deepEqual(decode(bytes).labels, { [key]: `${round}` });
    }
  }
});

Deno.test("decoderOf() makes lists of any length, in one run or with other fields in between", () => {
  for (let length = 0; length <= 20; length++) {
    const history = Array.from({ length }, (_, i) => i * 100 - 300);
    const order = {
      items: history.map((nanos) => ({ price: { nanos }, tags: history.map(String) })),
      history,
    };
    const bytes = toBinary(OrderSchema, create(OrderSchema, order));
    const expected = fromBinary(OrderSchema, bytes);
    assert.deepEqual(decode(bytes), expected);
    const twice = Uint8Array.of(...bytes, ...bytes);
    assert.deepEqual(decode(twice), fromBinary(OrderSchema, twice));
  }
});

Deno.test("decoderOf() makes long lists of numbers, in one run or in several", () => {
  const history = Array.from({ length: 6_000 }, (_, i) => i * 1_000 - 3_000_000);
  const bytes = toBinary(OrderSchema, create(OrderSchema, { history }));
  assert.deepEqual(decode(bytes), fromBinary(OrderSchema, bytes));
  for (const more of [bytes, Uint8Array.of(0x0a, 1, 0x61, ...bytes)]) {
    const twice = Uint8Array.of(...bytes, ...more);
    assert.deepEqual(decode(twice), fromBinary(OrderSchema, twice));
  }
  assert.throws(() => decode(bytes.subarray(0, -1)), /malformed/);
});

Deno.test("decoderOf() reads no field past the end of its message", () => {
  // Two orders of which the first ends with the id, and the second starts with the tag of the field after it.
  const bytes = Uint8Array.of(0x0a, 3, 0x0a, 1, 0x61, 0x0a, 2, 0x12, 0);
  const decoded = decoderOf(OrderListSchema, true)(bytes);
  assert.deepEqual(decoded, fromBinary(OrderListSchema, bytes));
  // An item of three bytes that ends before its tags, with the tag of an item behind it.
  const items = Uint8Array.of(0x1a, 3, 0x0a, 1, 0x61, 0x1a, 0, 0x1a, 2, 0x18, 5);
  assert.deepEqual(decode(items), fromBinary(OrderSchema, items));
});

/** A type with the singular field `struct` (1) and the map `structs` (2), of google.protobuf.Struct. */
const WithStruct = (() => {
  const { FieldDescriptorProto_Label: Label, FieldDescriptorProto_Type: Type } = wkt;
  const struct = { type: Type.MESSAGE, typeName: ".google.protobuf.Struct" };
  const optional = { label: Label.OPTIONAL };
  const file = create(wkt.FileDescriptorProtoSchema, {
    name: "a.proto",
    syntax: "proto3",
    dependency: ["google/protobuf/struct.proto"],
    messageType: [{
      name: "A",
      nestedType: [{
        name: "StructsEntry",
        options: { mapEntry: true },
        field: [
          { name: "key", number: 1, type: Type.STRING, ...optional },
          { name: "value", number: 2, ...struct, ...optional },
        ],
      }],
      field: [
        { name: "struct", number: 1, ...struct, ...optional },
        {
          name: "structs",
          number: 2,
          type: Type.MESSAGE,
          typeName: ".A.StructsEntry",
          label: Label.REPEATED,
        },
      ],
    }],
  } as never);
  const imported = () => wkt.file_google_protobuf_struct.proto;
  return createFileRegistry(file, imported).getMessage("A")!;
})();

const sized = (tag: number, content: readonly number[]): number[] =>
  content.length < 128
    ? [tag, content.length, ...content]
    : [tag, content.length & 127 | 128, content.length >> 7, ...content];

/** A Struct with one entry, whose value is null, or a Value of these bytes. */
const structOf = (key: string, value: readonly number[] = [8, 0]): number[] =>
  sized(0x0a, [...sized(0x0a, [...new TextEncoder().encode(key)]), ...sized(0x12, value)]);

for (const generate of [true, false]) {
  const name = generate ? "generated" : "closures";
  Deno.test(`${name}: a Struct that occurs again is merged by key, as by protobuf-es`, () => {
    const structs = [
      structOf("a"),
      structOf("b", [0x20, 1]),
      structOf("a", [0x20, 0]),
      [],
      structOf("__proto__", sized(0x2a, structOf("deep"))),
      structOf("b", sized(0x2a, structOf("x"))),
      structOf("b", sized(0x2a, structOf("y"))),
    ];
    const field = structs.flatMap((struct) => sized(0x0a, struct));
    const values = structs.flatMap((struct) => sized(0x12, struct));
    const bytes = Uint8Array.from([...field, ...sized(0x12, [0x0a, 1, 0x6b, ...values])]);
    const decoded = decoderOf(WithStruct, generate)(bytes);
    assert.deepEqual(Object.keys(decoded.struct as object), ["a", "b", "__proto__"]);
    assert.deepEqual(decoded, fromBinary(WithStruct, bytes));
  });

  Deno.test(`${name}: the time of a Struct that occurs often grows with its bytes`, async () => {
    const decodeStruct = decoderOf(WithStruct, generate);
    const fields = new Map([500, 5_000].map((length) => {
      const occurrences = Array.from({ length }, (_, i) => structOf(`k${i}`));
      return [length, Uint8Array.from(occurrences.flatMap((struct) => sized(0x0a, struct)))];
    }));
    await assertGrowth([500, 5_000], 30, (count) => {
      const { struct } = decodeStruct(fields.get(count)!);
      assert.equal(Object.keys(struct as object).length, count);
    });
  });
}

/** A type with 40 lists of itself, of which each empty message takes about a kilobyte. */
const Wide = (() => {
  const { FieldDescriptorProto_Label: Label, FieldDescriptorProto_Type: Type } = wkt;
  const file = create(wkt.FileDescriptorProtoSchema, {
    name: "wide.proto",
    syntax: "proto3",
    messageType: [{
      name: "Wide",
      field: Array.from({ length: 40 }, (_, i) => ({
        name: `list${i}`,
        number: i + 1,
        type: Type.MESSAGE,
        typeName: ".Wide",
        label: Label.REPEATED,
      })),
    }],
  } as never);
  return createFileRegistry(file, () => undefined).getMessage("Wide")!;
})();

for (const generate of [true, false]) {
  const name = generate ? "generated" : "closures";
  const decodeWide = decoderOf(Wide, generate);

  Deno.test(`${name}: messages that take far more memory than their bytes are refused`, () => {
    // 1 MiB of empty messages would take half a gigabyte.
    const many = new Uint8Array(1_048_576);
    for (let i = 0; i < many.length; i += 2) many[i] = 0x0a;
    const error = /^Error: Cannot decode Wide: .* 1048576 bytes would take more than 96 MiB$/;
    assert.throws(() => decodeWide(many), error);
    // 4 MiB of unknown varints, each of which is kept as an object and a view.
    const unknown = new Uint8Array(4_194_300);
    for (let i = 0; i < unknown.length; i += 3) unknown.set([0xf8, 0x07], i);
    assert.throws(() => decodeWide(unknown), /would take more than/);
  });

  Deno.test(`${name}: messages of 60 MiB are taken whatever their bytes, and again each time`, () => {
    const some = new Uint8Array(120_000);
    for (let i = 0; i < some.length; i += 2) some[i] = 0x0a;
    for (let i = 0; i < 3; i++) {
      assert.equal((decodeWide(some).list0 as unknown[]).length, 60_000);
    }
  });
}
