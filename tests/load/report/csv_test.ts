import assert from "node:assert/strict";
import { csvReport } from "../../../src/load/report/csv.ts";
import { frozenRun } from "../fixtures.ts";

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
