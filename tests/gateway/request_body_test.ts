import assert from "node:assert/strict";
import { createRegistry, toJson } from "@bufbuild/protobuf";
import { type Struct, StructSchema, UInt64ValueSchema } from "@bufbuild/protobuf/wkt";
import { fromExactJson, parseExactJson } from "../../src/codec/proto_json.ts";
import { BadRequest, parseJson } from "../../src/gateway/request_body.ts";

Deno.test("parseJson() locates errors in texts with long numbers, whatever their length", () => {
  for (const small of [10, 300_000]) {
    const start = `[${"1,".repeat(small)}`;
    for (
      const [end, at] of [["1234567890123456 1]", 17], ["1234567890123456", 16]] as const
    ) {
      assert.throws(() => parseJson(start + end), (error: unknown) => {
        assert.ok(error instanceof BadRequest);
        assert.equal(error.httpStatus, 400);
        const position = `at position ${start.length + at}`;
        assert.ok(error.message.includes(position), `${error.message}: ${position}`);
        return true;
      });
    }
    assert.throws(() => parseJson(`${start}1234567890123456,x]`), /Unexpected token 'x'/);
  }
});

Deno.test("parseJson() keeps numbers in a text that has the mark of long numbers itself", () => {
  for (const text of ['["\x7f12",1234567890123456789]', '["\\u007f12",1234567890123456789]']) {
    const json = parseJson(text);
    const list = parseJson(`{"a":${text}}`);
    assert.ok(json.mark!.length > 1);
    assert.deepEqual(toJson(StructSchema, fromExactJson(list, StructSchema) as Struct), {
      a: ["\x7f12", 1234567890123456789],
    });
  }
});

Deno.test("parseJson() refuses a number beyond a double as an invalid body", () => {
  for (const text of ["1e400", "-1e400", "1".repeat(400), "1e99999999999"]) {
    assert.throws(() => parseJson(`{"a":${text}}`), (error: unknown) => {
      assert.ok(error instanceof BadRequest);
      assert.equal(error.httpStatus, 400);
      assert.match(error.message, /at position 5 is out of range$/);
      return true;
    });
  }
});

Deno.test("a body that nests deeper than a stack is an error of the body", () => {
  const deep = `${"[".repeat(100_000)}1234567890123456789${"]".repeat(100_000)}`;
  assert.throws(() => parseJson(deep), BadRequest);
  const json = parseExactJson(`{"a":${deep}}`);
  assert.throws(() => fromExactJson(json, StructSchema, createRegistry()), /recursion depth/);
  assert.throws(() => fromExactJson(parseExactJson(deep), UInt64ValueSchema), Error);
});

Deno.test("parseJson() answers 413 for structure that would take the thread for long, before it is parsed", () => {
  const bodies = [
    "[".repeat(401),
    `[${"{},".repeat(65_536)}1]`,
    `{${'"a":1,'.repeat(65_536)}"a":1}`,
  ];
  for (const body of bodies) {
    assert.throws(() => parseJson(body, 65_536), (error: unknown) => {
      assert.ok(error instanceof BadRequest);
      assert.equal(error.httpStatus, 413);
      assert.match(error.message, /^The body is too complex: /);
      return true;
    });
  }
  assert.equal(
    (parseJson(`[${"1,".repeat(100_000)}1]`, 65_536).value as unknown[]).length,
    100_001,
  );
});
