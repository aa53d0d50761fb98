import assert from "node:assert/strict";
import { NameTable } from "../../../src/rpc/dispatch/name_table.ts";

Deno.test("NameTable.get() finds an entry by its whole name", () => {
  const table = new NameTable<number>();
  const names = ["/a/b", "/a/c", "", "capabilities", `/${"x".repeat(1_000)}`, "/ä/b"];
  names.forEach((name, i) => table.add(name, i));
  names.forEach((name, i) => assert.equal(table.get(name), i));
  for (const name of ["/a/d", "/a/b ", "/a", "/A/b", "x", "x".repeat(2_000)]) {
    assert.equal(table.get(name), undefined, name);
  }
  assert.deepEqual([...table.names()], names);
  assert.deepEqual([...table.values()], [0, 1, 2, 3, 4, 5]);
});

Deno.test("NameTable.add() refuses a taken name and keeps its value", () => {
  const table = new NameTable<number>();
  table.add("/a/b", 1);
  assert.throws(() => table.add("/a/b", 2), new TypeError('Cannot add "/a/b": the name is taken'));
  assert.equal(table.get("/a/b"), 1);
  assert.deepEqual([...table.values()], [1]);
});
