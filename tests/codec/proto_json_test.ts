import assert from "node:assert/strict";
import { createRegistry, type DescMessage, toJson } from "@bufbuild/protobuf";
import {
  AnySchema,
  anyUnpack,
  DoubleValueSchema,
  EnumValueSchema,
  Int32ValueSchema,
  Int64ValueSchema,
  StructSchema,
  UInt64ValueSchema,
  UninterpretedOptionSchema,
} from "@bufbuild/protobuf/wkt";
import { fromExactJson, parseExactJson } from "../../src/codec/proto_json.ts";

const registry = createRegistry(Int64ValueSchema, UninterpretedOptionSchema, StructSchema);

// deno-lint-ignore no-explicit-any -- messages of many types
function parsed(type: DescMessage, text: string): any {
  return fromExactJson(parseExactJson(text), type, registry);
}

Deno.test("fromExactJson() keeps whole numbers of every form exact, or refuses them", () => {
  for (
    const [text, value] of [
      ["9007199254740993", 9007199254740993n],
      ["9007199254740993.0", 9007199254740993n],
      ["9007199254740993e0", 9007199254740993n],
      ["90071992547409930E-1", 9007199254740993n],
      ["123456789012345e4", 1234567890123450000n],
      ["1e3", 1000n],
      ["0e30", 0n],
      ["-9223372036854775808", -9223372036854775808n],
    ] as const
  ) assert.equal(parsed(Int64ValueSchema, text).value, value, text);
  for (const text of ["9007199254740993.5", "1.0000000000000001", "1e-1", "1e19", "1e400"]) {
    assert.throws(() => parsed(Int64ValueSchema, text), Error, text);
  }
  assert.equal(parsed(UInt64ValueSchema, "18446744073709551615").value, 18446744073709551615n);
  assert.throws(() => parsed(UInt64ValueSchema, "18446744073709551616"));
  assert.equal(parsed(Int32ValueSchema, "1e3").value, 1000);
  for (const text of ["12345678901234567", "1e300", "0.12345678901234567", "1e16"]) {
    assert.equal(parsed(DoubleValueSchema, text).value, Number(text));
  }
});

Deno.test("fromExactJson() resolves numbers by the type of their field, also in Any and Struct", () => {
  const field = parsed(UninterpretedOptionSchema, '{"positiveIntValue":9007199254740993}');
  assert.equal(field.positiveIntValue, 9007199254740993n);
  const any = parsed(
    AnySchema,
    '{"@type":"x/google.protobuf.UninterpretedOption","negative_int_value":-9007199254740993}',
  );
  // deno-lint-ignore no-explicit-any -- the type is that of the literal above
  assert.equal((anyUnpack(any, registry) as any).negativeIntValue, -9007199254740993n);
  const wrapped = '{"@type":"x/google.protobuf.Int64Value","value":9007199254740993}';
  // deno-lint-ignore no-explicit-any -- the type is that of the literal above
  assert.equal((anyUnpack(parsed(AnySchema, wrapped), registry) as any).value, 9007199254740993n);
  assert.throws(
    () => parsed(AnySchema, '{"@type":"x/a.Missing","value":9007199254740993}'),
    /a\.Missing/,
  );
  const text = '{"a":[9007199254740993,1e3],"__proto__":1e20,"s":"9007199254740993"}';
  const struct = toJson(StructSchema, parsed(StructSchema, text));
  assert.equal(JSON.stringify(struct), JSON.stringify(JSON.parse(text)));
  assert.throws(() => parsed(StructSchema, '{"a":1e400}'), /1e400 at position 5 is out of range/);
  assert.equal(parsed(EnumValueSchema, '{"number":1e1}').number, 10);
});

Deno.test("parseExactJson() reports errors at their position in the text", () => {
  for (
    const text of [
      "{1234567890123456:1}",
      "[1234567890123456 1]",
      '{"a":1234567890123456.}',
      "[01234567890123456]",
      "[1234567890123456,]",
      '["\\"1234567890123456',
    ]
  ) {
    let expected = "";
    try {
      JSON.parse(text);
    } catch (error) {
      expected = (error as Error).message;
    }
    assert.throws(() => parseExactJson(text), { name: "SyntaxError", message: expected }, text);
  }
});
