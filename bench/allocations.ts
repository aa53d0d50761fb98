/**
 * Bytes that one call allocates, on the JavaScript heap and outside: figures that don't depend on how busy
 * the machine is. `bench/allocations.json` holds what was measured last; more than a tenth above it is a
 * regression.
 *
 *   deno task bench:allocations                 compare with the file (exit code 1 for a regression)
 *   deno task bench:allocations --update        write the file
 *   deno task bench:allocations --only TEXT     just the workloads whose names hold TEXT
 *   deno task bench:allocations --known FILE    compare with another file
 *
 * What makes the figures the same each time are the task's V8 flags: a young generation so large that
 * nothing is collected in a round; collections and compilation on the one thread that runs the code, so that
 * code is optimised after the same call each time and not when another thread has got round to it; and
 * `gc()`, which empties the heap before each round.
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
  console.error("Run this by `deno task bench:allocations`: it needs V8 flags");
  Deno.exit(2);
}

function measure(workload: Workload, collect: () => void): Allocation {
  const { count } = workload;
  // Until all that matters is compiled.
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
  // Compilation makes a round too large: the median is without it.
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
