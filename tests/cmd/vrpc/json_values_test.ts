import assert from "node:assert/strict";
import fc from "fast-check";
import { JsonValues } from "../../../cmd/vrpc/json_values.ts";

function split(...texts: string[]): string[] {
  const values = new JsonValues();
  const all = texts.flatMap((text) => values.push(text));
  const last = values.end();
  return last === undefined ? all : [...all, last];
}

Deno.test("values end where they are complete, on one line or over several", () => {
  assert.deepEqual(split('{"a":1}\n{"a":2}'), ['{"a":1}', '{"a":2}']);
  assert.deepEqual(split('{"a":1}{"a":2}[3]'), ['{"a":1}', '{"a":2}', "[3]"]);
  assert.deepEqual(split('{\n "a": {"b": "}\\""}\n}\n\n"x y"\n12 null'), [
    '{\n "a": {"b": "}\\""}\n}',
    '"x y"',
    "12",
    "null",
  ]);
  assert.deepEqual(split(" \n"), []);
  assert.deepEqual(split('{"a":'), ['{"a":']);
  assert.deepEqual(split("}", "{}"), ["}", "{}"]);
});

Deno.test("values are the same however the text is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.json()),
      fc.array(fc.nat(200)),
      fc.constantFrom("\n", " ", "\n\n\t"),
      (values, cuts, between) => {
        const text = values.join(between);
        const at = [...cuts.map((cut) => Math.min(cut, text.length)), 0, text.length]
          .sort((a, b) => a - b);
        const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
        assert.deepEqual(split(...pieces), values.map((value) => value.trim()));
      },
    ),
  );
});
