import assert from "node:assert/strict";
import { create, type DescMessage, fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  AnySchema,
  DurationSchema,
  EmptySchema,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  StructSchema,
} from "@bufbuild/protobuf/wkt";
import { createFileRegistry } from "@bufbuild/protobuf";
import fc from "fast-check";
import { OrderListSchema, OrderSchema } from "../../proto/gen/bench/orders_pb.ts";
import { protobufCodec } from "../../src/codec/protobuf.ts";

/** A message type with one field of each scalar type, explicit presence or not. */
function scalarMessage(optional: boolean): DescMessage {
  const T = FieldDescriptorProto_Type;
  const types = [
    T.DOUBLE,
    T.STRING,
    T.BYTES,
    T.BOOL,
    T.INT32,
    T.UINT32,
    T.SINT32,
    T.INT64,
    T.UINT64,
  ];
  const file = create(FileDescriptorProtoSchema, {
    name: `scalars_${optional}.proto`,
    syntax: "proto3",
    messageType: [{
      name: "Scalars",
      field: types.map((type, i) => ({
        name: `f${i}`,
        // Numbers with tags of one, two and three bytes.
        number: [1, 15, 16, 2047, 2048, 70000, 70001, 3, 4][i],
        type,
        label: 1,
        proto3Optional: optional,
        oneofIndex: optional ? i : undefined,
      })) as never,
      oneofDecl: optional ? types.map((_, i) => ({ name: `_f${i}` })) : [],
    }],
  });
  const message = createFileRegistry(file, () => undefined).getMessage("Scalars");
  assert.ok(message);
  return message;
}

const values = fc.record({
  f0: fc.oneof(fc.double(), fc.constantFrom(0, -0)),
  f1: fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ minLength: 20, maxLength: 300 }),
    fc.constant("ä".repeat(9000)),
  ),
  f2: fc.uint8Array({ maxLength: 5000 }),
  f3: fc.boolean(),
  f4: fc.integer(),
  f5: fc.nat(0xffffffff),
  f6: fc.integer(),
  f7: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f8: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
}, { requiredKeys: [] });

for (const optional of [false, true]) {
  Deno.test(`protobufCodec() encodes flat messages as protobuf-es does, optional: ${optional}`, () => {
    const schema = scalarMessage(optional);
    const codec = protobufCodec(schema);
    fc.assert(fc.property(values, (init) => {
      const expected = toBinary(schema, create(schema, init));
      assert.deepEqual(codec.encode(init), expected);
      const message = codec.decode(expected);
      assert.deepEqual(codec.encode(message), expected);
      assert.deepEqual(message, fromBinary(schema, expected));
    }));
  });
}

/** The scalars without those that the flat decoder leaves to protobuf-es. */
function plainScalars(): DescMessage {
  const T = FieldDescriptorProto_Type;
  const types = [T.STRING, T.BYTES, T.BOOL, T.INT32, T.UINT32, T.INT64, T.UINT64];
  const file = create(FileDescriptorProtoSchema, {
    name: "plain.proto",
    syntax: "proto3",
    messageType: [{
      name: "Plain",
      field: types.map((type, i) => ({
        name: `f${i}`,
        number: [1, 15, 16, 2047, 3, 4, 5][i],
        type,
        label: 1,
      })),
    }],
  });
  const message = createFileRegistry(file, () => undefined).getMessage("Plain");
  assert.ok(message);
  return message;
}

Deno.test("protobufCodec() decodes flat messages as protobuf-es does", () => {
  const schema = plainScalars();
  const codec = protobufCodec(schema);
  const init = fc.record({
    f0: fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ minLength: 20, maxLength: 300 })),
    f1: fc.uint8Array({ maxLength: 300 }),
    f2: fc.boolean(),
    f3: fc.integer(),
    f4: fc.nat(0xffffffff),
    f5: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    f6: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  }, { requiredKeys: [] });
  fc.assert(fc.property(init, fc.nat(40), (value, offset) => {
    const bytes = toBinary(schema, create(schema, value));
    // Within a larger buffer.
    const buffer = new Uint8Array(bytes.length + offset + 10).fill(0x08);
    buffer.set(bytes, offset);
    const part = buffer.subarray(offset, offset + bytes.length);
    assert.deepEqual(codec.decode(part), fromBinary(schema, bytes));
  }));
});

/** Whether a known field has another wire type than its own, which protobuf-es misreads. */
function isMismatched(schema: DescMessage, bytes: Uint8Array): boolean {
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [no, wireType] = reader.tag();
      const field = schema.fields.find(({ number }) => number === no);
      const isBytes = field?.scalar === ScalarType.STRING || field?.scalar === ScalarType.BYTES;
      if (field && wireType !== (isBytes ? WireType.LengthDelimited : WireType.Varint)) return true;
      reader.skip(wireType, no);
    }
  } catch {
    // Neither side reads the rest.
  }
  return false;
}

Deno.test("protobufCodec() decodes any bytes as protobuf-es does", () => {
  const schema = plainScalars();
  const codec = protobufCodec(schema);
  const outcome = (read: () => unknown) => {
    try {
      return read();
    } catch {
      return "refused";
    }
  };
  // The message's own tags are frequent, so that decoding proceeds far.
  const byte = fc.oneof(
    fc.constantFrom(0x0a, 0x7a, 0x80, 0x01, 0xf8, 0x7f, 0x18, 0x20, 0x28, 0xff),
    fc.nat(255),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (values) => {
      const bytes = new Uint8Array(values);
      if (isMismatched(schema, bytes)) return;
      assert.deepEqual(
        outcome(() => codec.decode(bytes)),
        outcome(() => fromBinary(schema, bytes)),
      );
    }),
    { numRuns: 2000 },
  );
});

Deno.test("protobufCodec() keeps a known field of another wire type as an unknown field", () => {
  // A string field as a varint, a map field as a varint, an int32 field as bytes: as in C++, Go and Python.
  for (
    const [schema, hex] of [
      [AnySchema, "0805"],
      [StructSchema, "30010a0161"],
      [StructSchema, "0801"],
      [DurationSchema, "120161"],
    ] as [DescMessage, string][]
  ) {
    const bytes = Uint8Array.fromHex(hex);
    const codec = protobufCodec(schema);
    if (hex === "30010a0161") {
      // An entry of one byte is cut off.
      assert.throws(() => codec.decode(bytes));
      continue;
    }
    const message = codec.decode(bytes);
    assert.equal(message.$unknown?.length, 1, hex);
    assert.deepEqual(codec.encode(message), bytes);
  }
});

Deno.test("protobufCodec() can encode another message within a getter", () => {
  const codec = protobufCodec(AnySchema);
  const inner = () => codec.encode({ typeUrl: "inner", value: new Uint8Array(300).fill(1) });
  const outer = {
    value: new Uint8Array(50).fill(2),
    get typeUrl() {
      return `outer ${inner().length}`;
    },
  };
  const expected = { typeUrl: `outer ${inner().length}`, value: outer.value };
  assert.deepEqual(codec.encode(outer), toBinary(AnySchema, create(AnySchema, expected)));
});

Deno.test("protobufCodec() encodes inherited fields with explicit presence, and omits -0 of integers", () => {
  class Field {
    get name() {
      return "x";
    }
    get number() {
      return 4;
    }
  }
  const codec = protobufCodec(FieldDescriptorProtoSchema);
  assert.deepEqual(codec.encode(new Field()), codec.encode({ name: "x", number: 4 }));
  assert.equal(codec.encode({ name: "x", number: 4 }).length, 5);
  assert.deepEqual(protobufCodec(DurationSchema).encode({ nanos: -0 }), new Uint8Array(0));
});

Deno.test("protobufCodec() names the field that can't be encoded", () => {
  assert.throws(() => protobufCodec(DurationSchema).encode({ nanos: 1.5 }), {
    name: "TypeError",
    message: "Cannot encode google.protobuf.Duration.nanos: 1.5 is not a signed 32-bit integer",
  });
});

Deno.test("protobufCodec() encodes messages and init shapes of other forms alike", () => {
  const value = new Uint8Array(70_000).fill(7);
  for (const init of [{ value }, create(AnySchema, { value }), {}]) {
    assert.deepEqual(
      protobufCodec(AnySchema).encode(init),
      toBinary(AnySchema, create(AnySchema, init)),
    );
  }
  const struct = create(StructSchema, {
    fields: { a: { kind: { case: "numberValue", value: 1 } } },
  });
  assert.deepEqual(protobufCodec(StructSchema).encode(struct), toBinary(StructSchema, struct));
  // Proto2 with defaults on the prototype.
  const field = create(FieldDescriptorProtoSchema, { name: "x", number: 4 });
  assert.deepEqual(
    protobufCodec(FieldDescriptorProtoSchema).encode(field),
    toBinary(FieldDescriptorProtoSchema, field),
  );
});

Deno.test("protobufCodec() keeps unknown fields", () => {
  const bytes = toBinary(AnySchema, create(AnySchema, { typeUrl: "x", value: new Uint8Array(3) }));
  const message = protobufCodec(EmptySchema).decode(bytes);
  assert.deepEqual(protobufCodec(EmptySchema).encode(message), bytes);
});

Deno.test("protobufCodec() rejects bytes and values that are not the message", () => {
  const codec = protobufCodec(DurationSchema);
  assert.throws(() => codec.encode({ seconds: "x" as never }));
  assert.throws(() => codec.encode({ nanos: 1.5 }));
  assert.throws(() => codec.encode({ nanos: "x" as never }));
  assert.throws(() => codec.encode(undefined as never), TypeError);
  assert.throws(() => codec.decode(new Uint8Array([0x08])));
});

Deno.test("protobufCodec() returns one codec per descriptor, whose results don't overlap", () => {
  const codec = protobufCodec(AnySchema);
  assert.equal(codec, protobufCodec(AnySchema));
  const all = Array.from({ length: 3000 }, (_, i) => codec.encode({ typeUrl: `url ${i}` }));
  for (const [i, bytes] of all.entries()) assert.equal(codec.decode(bytes).typeUrl, `url ${i}`);
});

Deno.test("protobufCodec() rejects lengths of more than 32 bits, whose low bits may be small", () => {
  const long = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
  // A text, a nested message, a packed list, a map entry and an unknown field of bench.OrderList and bench.Order.
  for (const tag of [0x0a, 0x12, 0x1a, 0x22, 0x62, 0x7a]) {
    for (const bytes of [[tag, ...long], [tag, 0x80, 0x80, 0x80, 0x80, 0x10]]) {
      for (const type of [OrderListSchema, OrderSchema]) {
        assert.throws(() => protobufCodec(type).decode(new Uint8Array(bytes)), /malformed/);
      }
    }
    // Trailing zeros change nothing.
    const padded = new Uint8Array([0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]);
    assert.equal(protobufCodec(OrderListSchema).decode(padded).orders.length, 1);
  }
});
