// deno task fuzz --minutes N [--target NAME] [--from SEED]
//
// Mutates valid transcripts, alternating between targets, until the time is over. An input that violates an invariant
// is minimized and printed as a line for tests/campaigns/corpus/TARGET.txt, or as the path of a file with that line
// when it is long; the exit code is then 1.

import { choice, number, readArguments, whole } from "../../../scripts/arguments.ts";
import { lineOf } from "./corpus.ts";
import { type Failure, Fuzzer, TARGETS } from "./fuzzer.ts";

const MAX_PRINTED_BYTES = 2_000;

const NAMES = TARGETS.map((one) => one.name);
const USAGE = `
deno task fuzz [--minutes N] [--target NAME] [--from SEED]

  --minutes N    how long, for all targets together; default 1
  --target NAME  one of ${NAMES.join(", ")}; default all
  --from SEED    the first mutant's seed; default another one each time
`;

const { values } = readArguments(USAGE, {
  minutes: number(1, 0.001, 100_000),
  target: choice(NAMES, undefined),
  from: whole(undefined, 0, 2 ** 52),
});

const targets = TARGETS.filter((one) => values.target === undefined || one.name === values.target);
const endMs = Date.now() + values.minutes * 60_000;
const fuzzers = targets.map((target) => new Fuzzer(target));
const counts = new Map(targets.map((target) => [target.name, 0]));
const seen = new Set<string>();

function report({ target, seed, input, error }: Failure): void {
  const kind = `${target}: ${error.message.replace(/\d+/g, "#")}`;
  if (seen.has(kind)) return;
  seen.add(kind);
  console.log(`\n${target}, seed ${seed}: ${error.stack}`);
  const line = lineOf({ input, seed });
  if (input.length <= MAX_PRINTED_BYTES) return console.log(line);
  // Mutants derive from others of this run, so a seed alone does not reproduce them.
  const path = Deno.makeTempFileSync({ prefix: `${target}_`, suffix: ".txt" });
  Deno.writeTextFileSync(path, `${line}\n`);
  console.log(
    `${input.length} octets, as a line for tests/campaigns/corpus/${target}.txt: ${path}`,
  );
}

for (const fuzzer of fuzzers) {
  const failure = await fuzzer.runKept();
  if (failure !== null) report(failure);
}
// A different start each time unless given, to try new inputs.
let seed = values.from ?? Math.floor(Date.now() / 1_000) * 1_000_000;
console.log(`from seed ${seed}`);
while (Date.now() < endMs) {
  for (const fuzzer of fuzzers) {
    const turnMs = Date.now() + 200;
    do {
      const failure = await fuzzer.runMutant(seed++);
      if (failure !== null) report(failure);
      counts.set(fuzzer.target.name, counts.get(fuzzer.target.name)! + 1);
    } while (Date.now() < turnMs);
  }
}
for (const [name, count] of counts) console.log(`${name}: ${count} inputs`);
console.log(`${seen.size} failures`);
if (seen.size > 0) Deno.exit(1);
