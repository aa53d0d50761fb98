// deno task fuzz:attestation [--documents N] [--from SEED]
//
// Has hostile attestation documents verified. None may be accepted, take more than 50 ms of CPU time, or make the
// process grow by more than 16 MiB. Exit code 1 if one does.

import process from "node:process";
import { readArguments, whole } from "../../../scripts/arguments.ts";
import { HostileDocuments } from "./documents.ts";

const MOST_CPU_MS = 50;
const MOST_GROWTH_BYTES = 16 * 2 ** 20;

const USAGE = `
deno task fuzz:attestation [--documents N] [--from SEED]

  --documents N  how many documents; default 100000
  --from SEED    the first document's seed; default 1
`;

const { values } = readArguments(USAGE, {
  documents: whole(100_000, 1, 1e9),
  from: whole(1, 0, 2 ** 52),
});

const hostile = await HostileDocuments.create();
const reasons = new Map<string, number>();
let faults = 0;
let mostCpuMs = 0;
// After warming up: the heap of the process and its compiled code grow at first.
for (let i = 0; i < 500; i++) await hostile.run(i);
const startBytes = process.memoryUsage().rss;
let mostBytes = startBytes;

for (let i = 0; i < values.documents; i++) {
  const seed = values.from + i;
  let outcome = await hostile.run(seed);
  // Another process, or the collector, may have had the time: what is slow is slow again.
  for (let again = 0; outcome.cpuMs > MOST_CPU_MS && again < 2; again++) {
    outcome = await hostile.run(seed);
  }
  const { document, refused, cpuMs } = outcome;
  mostCpuMs = Math.max(mostCpuMs, cpuMs);
  mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
  const reason = refused?.reason ?? "accepted";
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  if (refused !== undefined && cpuMs <= MOST_CPU_MS) continue;
  faults++;
  console.log(`seed ${seed}: ${reason}, ${cpuMs} ms, document ${document.toHex()}`);
}

for (const [reason, count] of [...reasons].sort((a, b) => b[1] - a[1])) {
  console.log(`${reason}: ${count}`);
}
const growth = mostBytes - startBytes;
console.log(
  `${values.documents} documents, at most ${mostCpuMs.toFixed(1)} ms of CPU time each, ` +
    `${(growth / 2 ** 20).toFixed(1)} MiB more than at the start`,
);
if (growth > MOST_GROWTH_BYTES) {
  console.log("The process grew by more than 16 MiB");
  faults++;
}
console.log(`${faults} failures`);
if (faults > 0) Deno.exit(1);
