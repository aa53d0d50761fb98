import assert from "node:assert/strict";
import { type Allocations, judge } from "../../bench/allocation_limits.ts";

const KNOWN: Allocations = { call: { heap: 1000, external: 0 } };
const passes = (heap: number, external: number) =>
  judge({ call: { heap, external } }, KNOWN).map((verdict) => verdict.ok);

Deno.test("judge() allows a figure to grow by a tenth and no more", () => {
  assert.deepEqual(passes(1000, 0), [true, true]);
  assert.deepEqual(passes(1100, 0), [true, true]);
  assert.deepEqual(passes(1101, 0), [false, true]);
  assert.deepEqual(passes(500, 0), [true, true]);
});

Deno.test("judge() allows small figures to grow by a few bytes", () => {
  assert.deepEqual(passes(1000, 8), [true, true]);
  assert.deepEqual(passes(1000, 9), [true, false]);
});

Deno.test("judge() fails impossible measurements and unknown workloads", () => {
  assert.deepEqual(passes(0, 0), [false, true]);
  assert.deepEqual(passes(NaN, -1), [false, false]);
  const verdicts = judge({ other: { heap: 1, external: 0 } }, KNOWN);
  assert.deepEqual(verdicts.map((verdict) => verdict.ok), [false, false]);
});

Deno.test("judge() lets nothing be allocated where nothing was", () => {
  const of = (heap: number) =>
    judge({ pick: { heap, external: 0 } }, { pick: { heap: 0, external: 0 } })[0].ok;
  assert.deepEqual([0, -0, 1, 8, -1].map(of), [true, true, false, false, false]);
});

const NAME = "batched call 64 B, wire format alone";

/** Runs the task on one workload, against what `known` says. */
async function run(known: Allocations): Promise<{ code: number; text: string }> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(known));
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "bench:allocations", "--only", NAME, "--known", file],
      cwd: new URL("../..", import.meta.url).pathname,
      env: { NO_COLOR: "1" },
      stderr: "null",
    }).output();
    return { code, text: new TextDecoder().decode(stdout) };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("bench:allocations passes a workload within its figure", async () => {
  const known = JSON.parse(
    await Deno.readTextFile(new URL("../../bench/allocations.json", import.meta.url)),
  );
  const { code, text } = await run(known);
  assert.equal(code, 0, text);
  assert.match(text, /^2 passed, 0 failed$/m);
});

Deno.test("bench:allocations exits with 1 for a workload above its figure", async () => {
  const { code, text } = await run({ [NAME]: { heap: 100, external: 100_000 } });
  assert.equal(code, 1, text);
  assert.match(text, /^WORSE {2}batched call .* bytes heap, limit 110$/m);
  assert.match(text, /^1 passed, 1 failed$/m);
});
