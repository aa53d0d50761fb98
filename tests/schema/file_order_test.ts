import assert from "node:assert/strict";
import { inImportOrder } from "../../src/schema/file_order.ts";
import { file } from "./descriptors.ts";

const order = (imports: Record<string, string[]>) =>
  inImportOrder(
    new Map(
      Object.entries(imports).map(([name, dependency]) => [name, file(name, { dependency })]),
    ),
  ).map((one) => one.name);

Deno.test("each file follows its imports", () => {
  assert.deepEqual(order({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }), ["d", "b", "c", "a"]);
});

Deno.test("circles and missing imports are passed over", () => {
  assert.deepEqual(order({ a: ["a", "b"], b: ["c", "gone"], c: ["a"] }), ["c", "b", "a"]);
});

Deno.test("a chain of 20,000 imports does not overflow the stack", () => {
  const chain: Record<string, string[]> = {};
  for (let i = 0; i < 20_000; i++) chain[`f${i}`] = [`f${i + 1}`];
  const ordered = order(chain);
  assert.equal(ordered.length, 20_000);
  assert.equal(ordered[0], "f19999");
});
