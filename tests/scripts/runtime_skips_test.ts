import assert from "node:assert/strict";
import { join } from "node:path";
import { SKIPS, skipTable } from "../../scripts/runtimes/skips.ts";

const ROOT = join(import.meta.dirname!, "../..");

Deno.test("docs/runtimes.md shows the tests that Node and Bun skip, with the reasons", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs/runtimes.md"));
  assert.ok(page.includes(skipTable()), `docs/runtimes.md lacks:\n${skipTable()}`);
});

Deno.test("each skipped test is there, and a pattern of names only in a file of tests", async () => {
  for (const { tests, named } of SKIPS) {
    const { isFile } = await Deno.stat(join(ROOT, tests));
    if (named === undefined) continue;
    assert.ok(isFile, tests);
    new RegExp(named);
  }
});
