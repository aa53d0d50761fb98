import assert from "node:assert/strict";
import { join } from "node:path";
import { UNMIRRORED } from "./mirror.ts";
import { missingMirrors } from "./rules.ts";
import { readTree } from "./source.ts";

Deno.test("every source has a test of its own name or a reason in mirror.ts", async () => {
  const tree = await readTree(join(import.meta.dirname!, "../.."), ["src", "tests"]);
  assert.deepEqual(missingMirrors(tree, UNMIRRORED), []);
});
