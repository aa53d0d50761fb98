import assert from "node:assert/strict";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { DoubleValueSchema, Int64ValueSchema, UInt64ValueSchema } from "@bufbuild/protobuf/wkt";
import { parseJson } from "../../src/gateway/request_body.ts";

Deno.test("parseJson() with exact keeps 64-bit whole numbers", () => {
  const parsed = (text: string) => parseJson(text, true) as JsonValue;
  for (const text of ["9007199254740993", "-9223372036854775808", "9223372036854775807", "7"]) {
    assert.equal(fromJson(Int64ValueSchema, parsed(text)).value, BigInt(text));
  }
  const most = "18446744073709551615";
  assert.equal(fromJson(UInt64ValueSchema, parsed(most)).value, BigInt(most));
  assert.throws(() => fromJson(UInt64ValueSchema, parsed("18446744073709551616")));
  for (const text of ["12345678901234567", "1e300", "0.12345678901234567", "1e16"]) {
    assert.equal(fromJson(DoubleValueSchema, parsed(text)).value, Number(text));
  }
  assert.deepEqual(parseJson('{"a":[9007199254740993]}'), { a: [9007199254740992] });
  assert.deepEqual(parsed('{"a":["9007199254740993"]}'), { a: ["9007199254740993"] });
});
