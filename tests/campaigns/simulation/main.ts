// deno task simulate --seeds N --from S [--wire grpc|lean] [--failures N] [--no-shrink]
//
// Runs programs S to S+N-1 on each wire. Prints failing seeds, each with its failure and the shortest program found
// that still fails. Exit code 1 if any failed.

import { choice, flag, readArguments, whole } from "../../../scripts/arguments.ts";
import { program } from "./program.ts";
import { failsWith, kindOf, print, shrink } from "./shrink.ts";
import { runProgram } from "./world.ts";

const USAGE = `
deno task simulate [--seeds N] [--from S] [--wire grpc|lean] [--failures N] [--no-shrink]

  --seeds N      programs to run on each wire; default 10000
  --from S       seed of the first program; default 1
  --wire WIRE    grpc or lean; default both
  --failures N   kinds of failures to print in full; default 5
  --no-shrink    don't search for shorter programs that fail
`;
const WIRES = ["grpc", "lean"] as const;

const { values } = readArguments(USAGE, {
  seeds: whole(10_000, 1, 1e9),
  from: whole(1, 0, 2 ** 52),
  wire: choice(WIRES, undefined),
  failures: whole(5, 0, 1_000),
  shrink: flag(true),
});
const { seeds, from, failures: mostFailures } = values;
const wires = values.wire === undefined ? WIRES : [values.wire];

const kinds = new Map<string, number>();
let failures = 0;
const started = performance.now();
for (let seed = from; seed < from + seeds; seed++) {
  for (const wire of wires) {
    const planned = program(seed, wire);
    const error = runProgram(planned);
    if (error === null) continue;
    failures++;
    const kind = kindOf(error);
    const before = kinds.get(kind) ?? 0;
    kinds.set(kind, before + 1);
    // One failure of each kind is printed, the others are counted.
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
