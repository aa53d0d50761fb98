import assert from "node:assert/strict";
import fc from "fast-check";
import { DynamicTable } from "../../src/hpack/dynamic_table.ts";

function contents(table: DynamicTable): string[] {
  const list: string[] = [];
  for (let number = table.inserted - table.count; number < table.inserted; number++) {
    list.push(`${table.name(number)}=${table.value(number)}`);
  }
  return list;
}

Deno.test("RFC 7541 §4.4: insert() evicts the oldest entries to make room", () => {
  const table = new DynamicTable(3 * 34);
  for (const name of ["a", "b", "c", "d"]) table.insert(name, "1");
  assert.deepEqual(contents(table), ["b=1", "c=1", "d=1"]);
  table.insert("e", "1".repeat(35));
  assert.deepEqual(contents(table), ["d=1", `e=${"1".repeat(35)}`]);
});

Deno.test("RFC 7541 §4.4: insert() of an entry larger than the table empties it", () => {
  const table = new DynamicTable(100);
  table.insert("a", "1");
  table.insert("b", "1".repeat(68));
  assert.deepEqual(contents(table), []);
  assert.equal(table.bytes, 0);
  table.insert("c", "1".repeat(67));
  assert.equal(table.count, 1);
  assert.equal(table.bytes, 100);
});

Deno.test("a table behaves like a list that is cut at its end", () => {
  const operation = fc.oneof(
    fc.record({ insert: fc.tuple(fc.string({ maxLength: 20 }), fc.string({ maxLength: 90 })) }),
    fc.record({ resize: fc.integer({ min: 0, max: 5000 }) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const table = new DynamicTable(4096);
      let model: string[] = [];
      for (const step of operations) {
        if ("resize" in step) {
          table.maxBytes = step.resize;
          table.evictTo(step.resize);
        } else {
          table.insert(...step.insert);
          model.push(step.insert.join("="));
        }
        let room = table.maxBytes;
        let kept = model.length;
        while (kept > 0 && (room -= model[kept - 1].length - 1 + 32) >= 0) kept--;
        model = model.slice(kept);
        assert.deepEqual(contents(table), model);
        assert.equal(table.bytes, model.reduce((sum, entry) => sum + entry.length - 1 + 32, 0));
      }
    }),
  );
});
