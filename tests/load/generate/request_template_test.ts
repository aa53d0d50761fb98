import assert from "node:assert/strict";
import { parseTemplate } from "../../../src/load/generate/request_template.ts";

const CALL = { sequence: 3, worker: 1, workers: 2 };

Deno.test("parseTemplate() escapes values within strings, and quotes those that are no JSON elsewhere", () => {
  const { fill } = parseTemplate('{"a": {{n}}, "b": "<{{t}}>", "c": {{t}}, "d\\"{{n}}": {{j}}}', [
    ..."ntj",
  ]);
  const json = fill(CALL, { n: "7", t: 'say "hi"\n\\', j: '{"x":[1]}' });
  assert.deepEqual(JSON.parse(json), {
    a: 7,
    b: '<say "hi"\n\\>',
    c: 'say "hi"\n\\',
    'd"7': { x: [1] },
  });
});

Deno.test("parseTemplate() fills in the variables of a call", () => {
  const { fill, changes, hasColumns } = parseTemplate('{"n": {{request}}, "w": "{{ worker }}"}');
  assert.deepEqual(JSON.parse(fill(CALL, {})), { n: 7, w: "1" });
  assert.deepEqual([changes, hasColumns], [true, false]);
});

Deno.test("parseTemplate() prefers a column to a variable of the same name", () => {
  const { fill, changes } = parseTemplate("[{{time}}]", ["time"]);
  assert.equal(fill(CALL, { time: "12" }), "[12]");
  assert.equal(changes, false);
});

Deno.test("parseTemplate() names a variable that does not exist", () => {
  assert.throws(
    () => parseTemplate('{"a": {{nmae}}}', ["name"]),
    /^TypeError: no variable \{\{nmae\}\}$/,
  );
});
