import assert from "node:assert/strict";
import { ListValueSchema, StructSchema, UInt64ValueSchema } from "@bufbuild/protobuf/wkt";
import { type JsonMessageCodec, protobufJsonCodec } from "../../src/codec/proto_json.ts";
import { BadRequest, decodeBody } from "../../src/gateway/request_body.ts";

const struct = protobufJsonCodec(StructSchema);
const list = protobufJsonCodec(ListValueSchema, { maxElements: 65_536 });
const utf8 = (text: string) => new TextEncoder().encode(text);

function refused(body: string, codec: JsonMessageCodec): BadRequest {
  try {
    decodeBody(utf8(body), codec);
  } catch (error) {
    assert.ok(error instanceof BadRequest);
    return error;
  }
  throw new Error("accepted");
}

Deno.test("decodeBody() locates errors in bodies of any length, in characters", () => {
  for (const small of [10, 300_000]) {
    const start = `["é👍",${"1,".repeat(small)}`;
    for (const [end, at] of [["1234567890123456 1]", 17], ["1234567890123456", 16]] as const) {
      const { httpStatus, message } = refused(start + end, protobufJsonCodec(ListValueSchema));
      assert.equal(httpStatus, 400);
      assert.ok(message.endsWith(`at position ${start.length + at}`), message);
    }
    const { message } = refused(`${start}1234567890123456,x]`, protobufJsonCodec(ListValueSchema));
    assert.match(message, /^The body is not valid JSON: Unexpected token 'x' at position/);
  }
});

Deno.test("decodeBody() says that a body is no JSON even if it begins as another type", () => {
  assert.match(
    refused("[1,]", struct).message,
    /not valid JSON: Unexpected token ']' at position 3/,
  );
  assert.match(
    refused("[1]", struct).message,
    /^The body is not a valid google.protobuf.Struct message: Cannot read google.protobuf.Struct: a list is not an object, at position 0$/,
  );
});

Deno.test("decodeBody() refuses a number beyond a double as an invalid body", () => {
  for (const text of ["1e400", "-1e400", "1".repeat(400), "1e99999999999"]) {
    const { httpStatus, message } = refused(`{"a":${text}}`, struct);
    assert.equal(httpStatus, 400);
    assert.match(message, /is not in the range of a double, at position 5$/);
  }
});

Deno.test("decodeBody() reads an empty body as a message without fields", () => {
  assert.deepEqual(decodeBody(utf8(" \n"), struct), struct.decode("{}"));
});

Deno.test("decodeBody() answers 413 for nesting deeper than a stack", () => {
  const deep = `${"[".repeat(100_000)}1234567890123456789${"]".repeat(100_000)}`;
  assert.equal(refused(deep, list).httpStatus, 413);
  assert.equal(refused(`{"a":${deep}}`, struct).httpStatus, 413);
  assert.equal(refused(deep, protobufJsonCodec(UInt64ValueSchema)).httpStatus, 413);
});

Deno.test("decodeBody() answers 413 for structure that would take the thread for long", () => {
  const bodies = [
    `[${"{},".repeat(65_536)}1]`,
    `{${'"a":1,'.repeat(65_536)}"a":1}`,
    `[${"1,".repeat(65_536)}1]`,
  ];
  for (const body of bodies) {
    const { httpStatus, message } = refused(body, list);
    assert.equal(httpStatus, 413, message);
    assert.match(message, /^The body is too complex: the JSON has more than 65536 /);
  }
});
