import assert from "node:assert/strict";
import {
  type JsonBodyForm,
  JsonSeparationError,
  JsonValues,
} from "../../../src/gateway/streaming/json_values.ts";
import { assertGrowth } from "../../fixtures/growth.ts";

const utf8 = new TextEncoder();

/** Returns the values of a body that comes in these parts, or the text of the error. */
function valuesOf(parts: readonly Uint8Array[], form: JsonBodyForm): string[] | string {
  const values = new JsonValues(form);
  const all: string[] = [];
  const add = (bytes: Uint8Array | undefined) => {
    if (bytes !== undefined) all.push(new TextDecoder().decode(bytes));
    return bytes !== undefined;
  };
  try {
    for (const part of parts) {
      // Bytes that are overwritten afterwards show a value that was kept as a view.
      const copy = part.slice();
      values.push(copy);
      while (add(values.next()));
      copy.fill(0x21);
    }
    add(values.end());
  } catch (error) {
    assert.ok(error instanceof JsonSeparationError, String(error));
    return error.message;
  }
  return all;
}

/** Returns the values of a body, which must be the same whole, octet by octet and at every split. */
function split(body: string, form: JsonBodyForm = "values"): string[] | string {
  const bytes = utf8.encode(body);
  const whole = valuesOf([bytes], form);
  assert.deepEqual(valuesOf([...bytes].map((byte) => new Uint8Array([byte])), form), whole, body);
  for (let at = 0; at <= bytes.length; at++) {
    assert.deepEqual(valuesOf([bytes.subarray(0, at), bytes.subarray(at)], form), whole, body);
  }
  return whole;
}

Deno.test("a list is cut into its values", () => {
  assert.deepEqual(split('[{"a":[1,2]}, {"b":"],[\\"\\\\"} ]\n'), [
    '{"a":[1,2]}',
    '{"b":"],[\\"\\\\"}',
  ]);
  assert.deepEqual(split(' [1,"x, y]" ,null,[2],true]'), ["1", '"x, y]"', "null", "[2]", "true"]);
  assert.deepEqual(split("[]"), []);
  assert.deepEqual(split(" [ ] "), []);
  assert.deepEqual(split('["\u{1f600}é"]'), ['"\u{1f600}é"']);
});

Deno.test("values one after another are cut, with white space between them where it is needed", () => {
  assert.deepEqual(split('{"a":1}{"b":{}}\r\n\t{"c":"}"}'), ['{"a":1}', '{"b":{}}', '{"c":"}"}']);
  assert.deepEqual(split('1 "a""b"\nnull'), ["1", '"a"', '"b"', "null"]);
  assert.deepEqual(split(""), []);
  assert.deepEqual(split(" \n "), []);
});

Deno.test("lines are cut at line feeds, and blank ones are skipped", () => {
  assert.deepEqual(split('{"a":1}\n\r\n{"b":2}\r\n [3]', "lines"), [
    '{"a":1}',
    '{"b":2}\r',
    " [3]",
  ]);
  assert.deepEqual(split("", "lines"), []);
  assert.deepEqual(split("\n \n", "lines"), []);
});

Deno.test("what is not valid JSON is left to the decoder", () => {
  assert.deepEqual(split('{"a":'), ['{"a":']);
  assert.deepEqual(split('nope {"a":1]'), ["nope", '{"a":1]']);
  assert.deepEqual(split('"never ends'), ['"never ends']);
  assert.deepEqual(split("{,}\n5{}"), ["{,}", "5{}"]);
});

Deno.test("a list with wrong separators is refused", () => {
  assert.equal(split("[1"), "the list is not closed");
  assert.equal(split("[1,"), "the list is not closed");
  assert.equal(split("["), "the list is not closed");
  assert.equal(split("[1,]"), "a value of the list is missing");
  assert.equal(split("[,1]"), "a value of the list is missing");
  assert.equal(split("[1 2]"), "a comma between values of the list is missing");
  assert.equal(split('[{}"a"]'), "a comma between values of the list is missing");
  assert.equal(split("[]{}"), "something follows the list");
  assert.equal(split("[1],"), "something follows the list");
  assert.equal(split("}"), "a bracket closes nothing");
  assert.equal(split("1 ]"), "a bracket closes nothing");
  assert.equal(split("[}"), "a bracket closes nothing");
});

Deno.test("only the bytes of an unfinished value are held", () => {
  const values = new JsonValues("values");
  values.push(utf8.encode('{"a":1} {"b'));
  assert.ok(values.next());
  assert.equal(values.next(), undefined);
  assert.equal(values.heldBytes, 3);
  values.push(utf8.encode('":2} '));
  assert.equal(new TextDecoder().decode(values.next()), '{"b":2}');
  assert.equal(values.next(), undefined);
  assert.equal(values.heldBytes, 0);
});

Deno.test("a value in many parts takes time in proportion to its length", async () => {
  const part = utf8.encode("x".repeat(1_024));
  await assertGrowth([1_024, 8_192], 24, (count) => {
    const values = new JsonValues("values");
    values.push(utf8.encode('"'));
    values.next();
    for (let i = 0; i < count; i++) {
      values.push(part);
      assert.equal(values.next(), undefined);
    }
    assert.equal(values.heldBytes, 1 + count * 1_024);
  });
});
