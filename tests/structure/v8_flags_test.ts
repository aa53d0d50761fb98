import assert from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { SERVER_V8_FLAGS } from "../../bench/processes.ts";

const ROOT = join(import.meta.dirname!, "../..");
const FLAGS = SERVER_V8_FLAGS.slice("--v8-flags=".length);

/** All lists of V8 flags in a text that set the size of the young generation. */
const listsIn = (text: string): string[] => text.match(/--max-semi-space-size=2,[-\w=,]+/g) ?? [];

// Neither JSON nor a Dockerfile can import them.
Deno.test("tasks that serve, the Dockerfile and the benchmarks have the same V8 flags", async () => {
  for (const name of ["enclave", "host", "server", "stress"] as const) {
    assert.deepEqual(listsIn(config.tasks[name]), [FLAGS], name);
  }
  assert.deepEqual(listsIn(await Deno.readTextFile(join(ROOT, "Dockerfile"))), [FLAGS]);
});

Deno.test("docs/performance.md lists the V8 flags of the tasks", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs/performance.md"));
  for (const flag of FLAGS.split(",")) assert.ok(page.includes(flag), flag);
});
