// deno task simulate --seeds N --from S [--wire grpc|lean] [--failures N] [--no-shrink]
//
// Runs programs S to S+N-1 on each wire. A failing seed is printed with its failure and the shortest program
// found that still fails; the exit code is then 1.

import { parseArgs } from "node:util";
import { program } from "./program.ts";
import { failsWith, kindOf, print, shrink } from "./shrink.ts";
import { runProgram } from "./world.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "1" },
    wire: { type: "string" },
    failures: { type: "string", default: "5" },
    shrink: { type: "boolean", default: true },
  },
  allowNegative: true,
});

const seeds = Number(values.seeds);
const from = Number(values.from);
const mostFailures = Number(values.failures);
const wires = values.wire === undefined ? ["grpc", "lean"] as const : [values.wire];
for (const wire of wires) {
  if (wire !== "grpc" && wire !== "lean") throw new TypeError(`Cannot use wire "${wire}"`);
}

const kinds = new Map<string, number>();
let failures = 0;
const started = performance.now();
for (let seed = from; seed < from + seeds; seed++) {
  for (const wire of wires as ("grpc" | "lean")[]) {
    const planned = program(seed, wire);
    const error = runProgram(planned);
    if (error === null) continue;
    failures++;
    const kind = kindOf(error);
    const before = kinds.get(kind) ?? 0;
    kinds.set(kind, before + 1);
    // One of each kind is enough to read; the others are counted.
    if (before > 0 || kinds.size > mostFailures) continue;
    console.log(`\nseed ${seed} on ${wire}: ${error.stack}`);
    if (!values.shrink) continue;
    const small = shrink(planned, failsWith(kind));
    console.log(`shortest program: ${print(small)}\n  fails with: ${runProgram(small)?.message}`);
  }
  const done = seed - from + 1;
  if (done % 20_000 === 0) {
    const perSecond = Math.round(done / ((performance.now() - started) / 1000));
    console.log(`${done} seeds, ${perSecond}/s, ${failures} failures`);
  }
}
const seconds = (performance.now() - started) / 1000;
console.log(
  `\n${seeds} seeds from ${from} on ${wires.join(" and ")}: ${failures} failures, ` +
    `${seconds.toFixed(1)} s`,
);
for (const [kind, count] of kinds) console.log(`  ${count} × ${kind}`);
if (failures > 0) Deno.exit(1);
