import assert from "node:assert/strict";
import { csvReport } from "../../../src/load/report/csv.ts";
import { frozenRun, stagedRun } from "../fixtures.ts";

Deno.test("csvReport() writes two tables, all rows as wide as their header", async () => {
  const run = { ...await frozenRun(1000), title: 'A "quoted", title' };
  const tables = csvReport([run, run]).split("\r\n\r\n").map((table) => table.trim().split("\r\n"));
  assert.deepEqual(tables.map((table) => table.length), [3, 1 + 2 * run.timeline.length]);
  assert.match(tables[0][0], /^title,method,server,.*,p99\.99_us,max_us,missed,/);
  assert.match(tables[0][1], /^"A ""quoted"", title",/);
  for (const table of tables) {
    const cells = (row: string) => row.replace(/"([^"]|"")*"/g, "x").split(",").length;
    assert.deepEqual(new Set(table.map(cells)).size, 1);
  }
});

Deno.test("csvReport() has stages and methods as a third table", async () => {
  const tables = csvReport([await stagedRun()]).split("\r\n\r\n");
  const rows = tables[2].trim().split("\r\n").map((row) => row.split(","));
  assert.deepEqual(rows.map((row) => row.slice(1, 4)), [
    ["part", "name", "total"],
    ["stage", "calm", "200"],
    ["stage", "peak", "1000"],
    ["method", "shop.v1.Orders/M1", "600"],
    ["method", "shop.v1.Orders/M2", "600"],
  ]);
  assert.deepEqual(new Set(rows.map((row) => row.length)).size, 1);
});
