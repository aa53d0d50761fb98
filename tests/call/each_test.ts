import assert from "node:assert/strict";
import { forEachItem } from "../../src/call/each.ts";

Deno.test("forEachItem() reaches every item and throws the first exception", () => {
  const seen: number[] = [];
  const visit = (item: number) => {
    seen.push(item);
    if (item % 2 === 0) throw new Error(`${item}`);
  };
  assert.throws(() => forEachItem([1, 2, 3, 4], visit), /^Error: 2$/);
  assert.deepEqual(seen, [1, 2, 3, 4]);
  forEachItem([1, 3], visit);
});
