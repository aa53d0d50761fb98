/**
 * Measures the bytes that one call allocates, on the JavaScript heap and outside; other load on the machine does
 * not change these figures. `bench/allocations.json` has the recorded figures; a tenth more is a regression.
 *
 *   deno task bench:allocations                 compare with the file (exit code 1 for a regression)
 *   deno task bench:allocations --update        write the file
 *   deno task bench:allocations --only TEXT     only workloads whose names contain TEXT
 *   deno task bench:allocations --known FILE    compare with another file
 *
 * The V8 flags of the task make the figures reproducible: a young generation large enough to avoid collections
 * during a round; collection and compilation on the main thread, so that code is always optimised after the same
 * call; and `gc()` before each round.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Allocation, type Allocations, judge } from "./allocation_limits.ts";
import { type Workload, WORKLOADS } from "./allocation_workloads.ts";

const ROUNDS = 5;
const FILE = new URL("allocations.json", import.meta.url).pathname;

const { values } = parseArgs({
  options: {
    update: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    known: { type: "string", default: FILE },
  },
});

const { gc } = globalThis as { gc?: () => void };
if (gc === undefined) {
  console.error("Missing V8 flags: run `deno task bench:allocations`");
  Deno.exit(2);
}

function measure(workload: Workload, collect: () => void): Allocation {
  const { count } = workload;
  // Warm-up, until the hot code is compiled.
  for (let i = 0; i < ROUNDS; i++) workload.run(count);
  const rounds: Allocation[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    collect();
    const before = Deno.memoryUsage();
    workload.run(count);
    const after = Deno.memoryUsage();
    rounds.push({
      heap: (after.heapUsed - before.heapUsed) / count,
      external: (after.external - before.external) / count,
    });
  }
  // The median excludes rounds with compilation.
  const middle = (kind: keyof Allocation) =>
    Math.round(rounds.map((round) => round[kind]).sort((a, b) => a - b)[ROUNDS >> 1]);
  return { heap: middle("heap"), external: middle("external") };
}

const measured: Allocations = {};
for (const make of WORKLOADS) {
  const workload = make();
  if (workload.name.includes(values.only)) measured[workload.name] = measure(workload, gc);
}
if (values.update) Deno.writeTextFileSync(values.known, JSON.stringify(measured, null, 2) + "\n");

const verdicts = judge(measured, JSON.parse(Deno.readTextFileSync(values.known)));
for (const { name, kind, bytes, limitBytes, ok } of verdicts) {
  console.log(`${ok ? "ok   " : "WORSE"}  ${name}: ${bytes} bytes ${kind}, limit ${limitBytes}`);
}
const failed = verdicts.filter((one) => !one.ok).length;
console.log(`${verdicts.length - failed} passed, ${failed} failed`);
if (failed > 0 || verdicts.length === 0) Deno.exit(1);
