import assert from "node:assert/strict";
import fc from "fast-check";
import { IdMap } from "../../src/call/id_map.ts";

const id = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  // Ids that meet in the same slot, and very large ones.
  fc.integer({ min: 0, max: 40 }).map((n) => n * 2 ** 32),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 }),
);
const step = fc.record({ id, remove: fc.boolean() });

Deno.test("IdMap has the contents of a Map", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
    const map = new Map<number, number>();
    const idMap = new IdMap<number>();
    for (const [i, { id, remove }] of steps.entries()) {
      if (remove) assert.equal(idMap.delete(id), map.delete(id));
      else map.set(id, i), idMap.set(id, i);
      assert.equal(idMap.size, map.size);
    }
    for (const { id } of steps) {
      assert.equal(idMap.get(id), map.get(id));
      assert.equal(idMap.has(id), map.has(id));
    }
    const ordered = [...map].sort((a, b) => a[0] - b[0]).map(([, value]) => value);
    assert.deepEqual(idMap.values(), ordered);
    idMap.clear();
    assert.equal(idMap.size, 0);
    assert.equal(idMap.get(steps[0]?.id ?? 1), undefined);
  }));
});

Deno.test("IdMap takes a million ids that come and go, some of them staying", () => {
  const idMap = new IdMap<number>();
  for (let id = 1; id <= 1_000_000; id++) {
    idMap.set(id, id);
    if (id > 100 && (id - 100) % 1000 !== 0) assert.ok(idMap.delete(id - 100));
  }
  assert.equal(idMap.size, 100 + 999);
  assert.equal(idMap.get(1000), 1000);
});
