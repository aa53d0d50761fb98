import assert from "node:assert/strict";
import {
  create,
  createFileRegistry,
  createRegistry,
  type DescMessage,
  fromJson,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import {
  AnySchema,
  anyUnpack,
  BytesValueSchema,
  DoubleValueSchema,
  EnumValueSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldMaskSchema,
  FileDescriptorSetSchema,
  FloatValueSchema,
  Int32ValueSchema,
  Int64ValueSchema,
  ListValueSchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
  UInt64ValueSchema,
  UninterpretedOptionSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { UNPRINTABLE } from "../../../src/call/printable.ts";
import { jsonCodecOf, type JsonCodecOptions } from "../../../src/protobuf/json/codec.ts";
import { JsonLimitError } from "../../../src/protobuf/json/input.ts";
import { OrderListSchema } from "../../../proto/gen/bench/orders_pb.ts";
import { assertGrowth } from "../../fixtures/growth.ts";

const registry = createRegistry(
  ...[AnySchema, Int64ValueSchema, UninterpretedOptionSchema, StructSchema, TimestampSchema],
);
const text = new TextDecoder();

// deno-lint-ignore no-explicit-any -- messages of many types
function parsed(type: DescMessage, json: string, options: JsonCodecOptions = { registry }): any {
  return jsonCodecOf(type, options).decode(json);
}

function printed(type: DescMessage, message: unknown, options: JsonCodecOptions = {}): string {
  return text.decode(jsonCodecOf(type, options).encode(message as never));
}

Deno.test("decode() keeps whole numbers of every form exact, or refuses them", () => {
  for (
    const [json, value] of [
      ["9007199254740993", 9007199254740993n],
      ["9007199254740993.0", 9007199254740993n],
      ["9007199254740993e0", 9007199254740993n],
      ["90071992547409930E-1", 9007199254740993n],
      ["123456789012345e4", 1234567890123450000n],
      ["1e3", 1000n],
      ["0e30", 0n],
      ["-0", 0n],
      ["-9223372036854775808", -9223372036854775808n],
      ['"9223372036854775807"', 9223372036854775807n],
      ['"007"', 7n],
    ] as const
  ) assert.equal(parsed(Int64ValueSchema, json).value, value, json);
  const wrong = ["9007199254740993.5", "1.0000000000000001", "1e-1", "1e19", "1e400", '""', '" 1"'];
  for (const json of [...wrong, '"0x10"', '"+1"', "true", "9223372036854775808"]) {
    assert.throws(() => parsed(Int64ValueSchema, json), /is not a signed 64-bit integer/, json);
  }
  assert.equal(parsed(UInt64ValueSchema, "18446744073709551615").value, 18446744073709551615n);
  for (const json of ["18446744073709551616", "-1", '"-1"']) {
    assert.throws(() => parsed(UInt64ValueSchema, json), /unsigned 64-bit/);
  }
  assert.equal(parsed(Int32ValueSchema, "1e3").value, 1000);
  assert.ok(Object.is(parsed(Int32ValueSchema, "-0").value, 0));
  for (const json of ["2147483648", "1.5", '"x"', "-2147483649"]) {
    assert.throws(() => parsed(Int32ValueSchema, json), /signed 32-bit/, json);
  }
  const doubles = [
    "12345678901234567",
    "1e300",
    "0.12345678901234567",
    "1e16",
    "-0",
    "0.1",
    "-12.5",
  ];
  for (const json of [...doubles, "1.7976931348623157e308", "5e-324", "123456789.12345"]) {
    assert.ok(Object.is(parsed(DoubleValueSchema, json).value, Number(json)), json);
  }
  assert.throws(() => parsed(FloatValueSchema, "3.5e38"), /32-bit float/);
  for (const json of ["01", "1.", ".5", "-", "1e", "+1", "0x1", "1.e3", "00"]) {
    assert.throws(() => parsed(DoubleValueSchema, json), SyntaxError, json);
    assert.throws(() => parsed(Int64ValueSchema, json), SyntaxError, json);
  }
});

Deno.test("decode() reads an Any by its type, wherever this stands", () => {
  const json =
    '{"negative_int_value":-9007199254740993,"@type":"x/google.protobuf.UninterpretedOption"}';
  const any = parsed(AnySchema, json);
  assert.equal(any.typeUrl, "x/google.protobuf.UninterpretedOption");
  assert.equal((anyUnpack(any, UninterpretedOptionSchema))!.negativeIntValue, -9007199254740993n);
  assert.equal(
    printed(AnySchema, any, { registry }),
    '{"@type":"x/google.protobuf.UninterpretedOption","negativeIntValue":"-9007199254740993"}',
  );
  const wrapped = '{"value":9007199254740993,"@type":"x/google.protobuf.Int64Value"}';
  assert.equal(anyUnpack(parsed(AnySchema, wrapped), Int64ValueSchema)!.value, 9007199254740993n);
  const inner = '{"value":"1970-01-01T00:00:01Z","\\u0040type":"t/google.protobuf.Timestamp"}';
  const nested = parsed(AnySchema, `{"value":${inner},"@type":"t/google.protobuf.Any"}`);
  assert.equal(
    printed(AnySchema, nested, { registry }),
    '{"@type":"t/google.protobuf.Any","value":{"@type":"t/google.protobuf.Timestamp","value":"1970-01-01T00:00:01Z"}}',
  );
  assert.deepEqual(parsed(AnySchema, "{}"), create(AnySchema));
  assert.equal(printed(AnySchema, {}), "{}");
  for (
    const [json, problem] of [
      ['{"@type":"x/a.Missing","value":1}', /"x\/a.Missing" is not in the registry, at position 0/],
      ['{"value":1}', /"@type" is missing/],
      ['{"@type":"x/google.protobuf.Int64Value"}', /"value" is missing/],
      ['{"@type":"x/google.protobuf.Int64Value","value":1,"a":1}', /there is only "value"/],
      ['{"@type":"x/google.protobuf.UninterpretedOption","@type":"x/a"}', /no field "@type"/],
      ['{"@type":"x/google.protobuf.UninterpretedOption","name":[{"@type":"x/a"}]}', /no field/],
    ] as const
  ) assert.throws(() => parsed(AnySchema, json), problem, json);
  assert.throws(() => printed(AnySchema, any), /is not in the registry/);
});

Deno.test("decode() searches for types of Any in time linear in the text", async () => {
  // Searched anew at each level, it took 50 times as long.
  await assertGrowth([1, 48], 10, (levels) => {
    let json = '{"value":"1970-01-01T00:00:01Z","@type":"t/google.protobuf.Timestamp"}';
    for (let i = 0; i < levels; i++) json = `{"value":${json},"@type":"t/google.protobuf.Any"}`;
    const filler = `{"@type":"t/google.protobuf.Any","value":${" ".repeat(1_000_000)}${json}}`;
    assert.equal(parsed(AnySchema, filler).typeUrl, "t/google.protobuf.Any");
  });
});

Deno.test("decode() reads Struct, Value and ListValue as protobuf-es does", () => {
  const json =
    '{"a":[9007199254740993,1e3,[],{}],"__proto__":1e20,"s":"9007199254740993","n":null,"t":true}';
  const message = parsed(StructSchema, json);
  assert.deepEqual(message, fromJson(StructSchema, JSON.parse(json)));
  assert.deepEqual(JSON.parse(printed(StructSchema, message)), JSON.parse(json));
  for (const value of ["null", "1.5", '"x"', "false", "[]", "{}"]) {
    assert.deepEqual(parsed(ValueSchema, value), fromJson(ValueSchema, JSON.parse(value)));
    assert.equal(printed(ValueSchema, parsed(ValueSchema, value)), value);
  }
  assert.throws(
    () => parsed(StructSchema, '{"a":1,"\\u0061":2}'),
    /"a" occurs twice, at position 7/,
  );
  for (const kind of [{ case: "numberValue", value: NaN }, { case: undefined }]) {
    assert.throws(() => printed(ValueSchema, { kind }), TypeError);
  }
});

Deno.test("decode() refuses what occurs twice, and says where", () => {
  const enumValue = (json: string, options?: JsonCodecOptions) =>
    parsed(EnumValueSchema, json, options);
  assert.throws(
    () => enumValue('{"name":"a","number":1,"name":"b"}'),
    /^Error: Cannot read google.protobuf.EnumValue.name: it is set twice, at position 23$/,
  );
  const option = (json: string) => parsed(UninterpretedOptionSchema, json);
  assert.throws(
    () => option('{"doubleValue":1,"double_value":1}'),
    /double_value: it is set twice/,
  );
  assert.throws(() => option('{"stringValue":null,"stringValue":""}'), /set twice/);
  assert.throws(
    () => enumValue('{"name":"a","nmae":1}'),
    /EnumValue: it has no field "nmae", at position 12$/,
  );
  assert.equal(
    enumValue('{"nmae":[{"x":["\\ud800"]}],"name":"a"}', { ignoreUnknownFields: true }).name,
    "a",
  );
  const order = { orders: [{ card: "1", iban: "2" }] };
  assert.throws(
    () => parsed(OrderListSchema, JSON.stringify(order)),
    /another field of the oneof payment is set, too, at position 23/,
  );
  const nothing = { orders: [{ card: null, iban: "2" }] };
  assert.equal(parsed(OrderListSchema, JSON.stringify(nothing)).orders[0].payment.case, "iban");
});

Deno.test("decode() reads strings with escapes, and refuses what is no text", () => {
  const string = (json: string) => parsed(StringValueSchema, json).value;
  const all = '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\udc4d é👍"';
  assert.equal(string(all), JSON.parse(all));
  const long = JSON.stringify("\n".repeat(10_000));
  assert.equal(string(long), JSON.parse(long));
  for (const json of ['"\\x"', '"\\u12g4"', '"\n"', '"\\', '"', '"\\u12']) {
    assert.throws(() => string(json), SyntaxError, json);
  }
  for (const json of ['"\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', '"\\ud800\\ud800"']) {
    assert.throws(() => string(json), /half of a surrogate pair, at position 1/, json);
  }
  assert.throws(() => string('"\ud800"'), SyntaxError);
  const bytes = new Uint8Array([0x22, 0xff, 0x22]);
  assert.throws(() => jsonCodecOf(StringValueSchema).decode(bytes), /not UTF-8/);
  assert.equal(string('\ufeff"a"'), "a");
  assert.deepEqual(parsed(BytesValueSchema, '"_-8="').value, new Uint8Array([0xff, 0xef]));
  assert.throws(() => parsed(BytesValueSchema, '"a*"'), /is not bytes in base64, at position 0/);
});

Deno.test("encode() writes one line of printable characters, and text that reads back", () => {
  for (let code = 0; code <= 0xffff; code += code < 0x3000 || code >= 0xd700 ? 1 : 61) {
    const value = `a${String.fromCharCode(code)}b`;
    const json = printed(StringValueSchema, { value });
    assert.equal(json.search(UNPRINTABLE), -1, code.toString(16));
    assert.equal(JSON.parse(json), value.toWellFormed(), code.toString(16));
  }
  for (const value of ["👍".repeat(30), `${"x".repeat(100)}"\u2028`, "y".repeat(200_000)]) {
    assert.equal(JSON.parse(printed(StringValueSchema, { value })), value);
  }
});

Deno.test("encode() counts the bytes of text that is longer than its buffer", () => {
  const parts = [
    ...'\x00\x01\b\t\n\f\r\x1f "\\\x7f\x80\xa0é\u2028\u202e\u0800\uffff😀',
    "\ud83d",
    "\ude00",
    "\ude00\ud83d",
    "a\n\ud83dé",
  ];
  for (const part of parts) {
    for (const length of [60, 65_530, 65_536, 70_000]) {
      const value = part.repeat(length);
      const json = printed(StringValueSchema, { value });
      assert.ok(JSON.parse(json) === value.toWellFormed(), JSON.stringify(part));
    }
  }
});

Deno.test("encode() writes numbers that read back as themselves", () => {
  for (
    const value of [
      ...[
        0,
        -0,
        1,
        -1,
        9,
        10,
        99,
        100,
        12345,
        2 ** 31,
        -(2 ** 31),
        2 ** 53,
        2 ** 53 - 1,
        1e15,
        1e21,
      ],
      ...[0.1, -1.5, 1e-7, 5e-324, 1.7976931348623157e308],
    ]
  ) {
    const json = printed(DoubleValueSchema, { value });
    assert.ok(Object.is(JSON.parse(json), value), `${value}: ${json}`);
  }
  assert.equal(printed(DoubleValueSchema, { value: NaN }), '"NaN"');
  assert.equal(printed(DoubleValueSchema, { value: -Infinity }), '"-Infinity"');
  for (const value of [0n, 9n, 10n, -1n, 2n ** 53n, 2n ** 53n - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.equal(printed(Int64ValueSchema, { value }), `"${value}"`);
  }
  for (let digits = 1; digits <= 15; digits++) {
    for (const value of [10 ** digits - 1, 10 ** digits]) {
      assert.equal(printed(Int64ValueSchema, { value: BigInt(value) }), `"${value}"`);
    }
  }
});

Deno.test("encode() names the field of a value without a JSON form, and stops for one that grows", () => {
  const list = (items: unknown) => printed(OrderListSchema, { orders: items });
  assert.throws(() => list([{ id: Symbol() }]), /Order\.id/);
  assert.throws(() => list({}), /OrderList\.orders: an object is not an array/);
  assert.throws(() => list([{ createdAt: { seconds: 10n ** 12n } }]), /Timestamp .* out of range/);
  let length = 10_000;
  const growing = {
    get id() {
      return "x".repeat(length *= 20);
    },
  };
  assert.throws(
    () => list([growing]),
    /change while it is encoded|Invalid string length|Out of memory/,
  );
  // A getter that encodes, too.
  const nesting = {
    get id() {
      return list([{ id: "inner" }]);
    },
  };
  assert.equal(JSON.parse(list([nesting])).orders[0].id, '{"orders":[{"id":"inner"}]}');
});

Deno.test("decode() limits nesting and elements", () => {
  const deep = `${"[".repeat(99)}1${"]".repeat(99)}`;
  assert.throws(() => parsed(ListValueSchema, `[${deep}]`), JsonLimitError);
  assert.throws(
    () => parsed(EnumValueSchema, `{"x":${"[".repeat(100_000)}`, { ignoreUnknownFields: true }),
    /nested more than 400 deep/,
  );
  const few = { maxElements: 5 };
  assert.equal(parsed(ListValueSchema, "[1,2,3,4]", few).values.length, 4);
  assert.throws(() => parsed(ListValueSchema, "[1,2,3,4,5]", few), JsonLimitError);
  // Eight items of a list are an element.
  const many = JSON.stringify({ orders: [{ history: Array(100_000).fill(1) }] });
  assert.equal(
    parsed(OrderListSchema, many, { maxElements: 12_600 }).orders[0].history.length,
    1e5,
  );
  assert.throws(() => parsed(OrderListSchema, many, { maxElements: 12_500 }), JsonLimitError);
  // So are paths of a FieldMask, and copies of the bytes in nested messages of type Any.
  const mask = JSON.stringify("a,".repeat(10_000));
  assert.throws(() => parsed(FieldMaskSchema, mask, { maxElements: 1_000 }), JsonLimitError);
  let any = `{"@type":"t/google.protobuf.StringValue","value":"${"x".repeat(100_000)}"}`;
  for (let i = 0; i < 10; i++) any = `{"@type":"t/google.protobuf.Any","value":${any}}`;
  const types = createRegistry(AnySchema, StringValueSchema);
  parsed(AnySchema, any, { registry: types, maxElements: 5_000 });
  assert.throws(
    () => parsed(AnySchema, any, { registry: types, maxElements: 4_000 }),
    JsonLimitError,
  );
});

Deno.test("the codec writes and reads fields by the names of the proto file, defaults and numbers of enums", () => {
  const style = { useProtoFieldName: true, alwaysEmitImplicit: true, enumAsInteger: true };
  const message = create(OrderListSchema, { orders: [{ id: "a" }] });
  const json = printed(OrderListSchema, message, style);
  assert.deepEqual(JSON.parse(json), toJson(OrderListSchema, message as Message as never, style));
  assert.deepEqual(parsed(OrderListSchema, json), message);
});

Deno.test("decode() counts what takes long: keys, texts, bytes, long numbers, ignored names, lists of a message", () => {
  const ignoring = { ignoreUnknownFields: true };
  const items = (name: string, item: string) =>
    `{"${name}":[${Array.from({ length: 800 }, () => item).join()}]}`;
  const orders = (json: string) => `{"orders":[${json}]}`;
  const keys = Array.from({ length: 100 }, (_, i) => `"k${i}":""`).join();
  const cases: [json: string, elements: number][] = [
    // Two for each entry, and the maps and messages around.
    [orders(`{"labels":{${keys}}}`), 200 + 6],
    [orders(items("history", "1")), 100 + 5],
    [orders(items("history", "1e0")), 1_700 + 5],
    [orders(`{"items":[${items("tags", '"a"')}]}`), 200 + 8],
    [orders(`{"items":[${items("tags", '"é"')}]}`), 600 + 8],
    [orders(`{"items":[${items("tags", '"\\n"')}]}`), 600 + 8],
    [items("orders", "{}"), 900 + 3],
  ];
  for (const [json, elements] of cases) {
    const shown = json.slice(0, 40);
    parsed(OrderListSchema, json, { ...ignoring, maxElements: elements + 1 });
    assert.throws(
      () => parsed(OrderListSchema, json, { ...ignoring, maxElements: elements - 3 }),
      JsonLimitError,
      shown,
    );
  }
  // So do unknown names of enum values, although they leave no item in a list.
  const files = createFileRegistry(create(FileDescriptorSetSchema, {
    file: [{
      name: "kinds.proto",
      package: "kinds",
      syntax: "proto3",
      enumType: [{ name: "Kind", value: [{ name: "NONE", number: 0 }] }],
      messageType: [{
        name: "Kinds",
        field: [{
          ...{ name: "kinds", jsonName: "kinds", number: 1, typeName: ".kinds.Kind" },
          ...{ label: FieldDescriptorProto_Label.REPEATED, type: FieldDescriptorProto_Type.ENUM },
        }],
      }],
    }],
  }));
  const kinds = files.getMessage("kinds.Kinds")!;
  const unknown = items("kinds", '"X"');
  parsed(kinds, unknown, { ...ignoring, maxElements: 904 });
  assert.throws(() => parsed(kinds, unknown, { ...ignoring, maxElements: 899 }), JsonLimitError);
});
