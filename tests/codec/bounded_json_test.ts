import assert from "node:assert/strict";
import { parseJson } from "../../src/codec/bounded_json.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("parseJson() gives the values of JSON, and nothing for what is none", () => {
  assert.deepEqual(parseJson(utf8(' {"a":[1,"x",null]} '), 100), { a: [1, "x", null] });
  for (const text of ["", "{", "[1] 2", "{a:1}", "[".repeat(500)]) {
    assert.equal(parseJson(utf8(text), 1_000), undefined, text);
  }
});

Deno.test("parseJson() bounds objects, lists, members and items", () => {
  for (const [part, elements] of [["[],", 9], ["{},", 9], ['{"k":1},', 17], ["1,", 1]] as const) {
    const json = utf8(`[${part.repeat(800)}0]`);
    assert.notEqual(parseJson(json, 100 * elements + 1), undefined, part);
    assert.equal(parseJson(json, 100 * elements - 1), undefined, part);
  }
});
