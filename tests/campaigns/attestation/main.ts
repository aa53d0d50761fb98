// deno task fuzz:attestation [--documents N] [--from SEED]
//
// Has hostile attestation documents verified. None may be accepted, take more than 50 ms of CPU time, or allocate
// more than 16 MiB. Exit code 1 if one does.

import { readArguments, whole } from "../../../scripts/arguments.ts";
import { HostileDocuments } from "./documents.ts";

const MOST_CPU_MS = 50;
const MOST_HEAP_BYTES = 16 * 2 ** 20;

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
let mostHeapBytes = 0;
// Compiles the code.
for (let i = 0; i < 500; i++) await hostile.run(i);

for (let i = 0; i < values.documents; i++) {
  const seed = values.from + i;
  let outcome = await hostile.run(seed);
  // Another process, or the collector, may have had the time: what is slow is slow again.
  for (let again = 0; outcome.cpuMs > MOST_CPU_MS && again < 2; again++) {
    outcome = await hostile.run(seed);
  }
  const { document, refused, cpuMs, heapBytes } = outcome;
  mostCpuMs = Math.max(mostCpuMs, cpuMs);
  mostHeapBytes = Math.max(mostHeapBytes, heapBytes);
  const reason = refused?.reason ?? "accepted";
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const small = cpuMs <= MOST_CPU_MS && heapBytes <= MOST_HEAP_BYTES;
  if (refused !== undefined && small) continue;
  faults++;
  console.log(
    `seed ${seed}: ${reason}, ${cpuMs} ms, ${heapBytes} bytes, document ${document.toHex()}`,
  );
}

for (const [reason, count] of [...reasons].sort((a, b) => b[1] - a[1])) {
  console.log(`${reason}: ${count}`);
}
console.log(
  `${values.documents} documents, at most ${mostCpuMs.toFixed(1)} ms of CPU time and ` +
    `${(mostHeapBytes / 2 ** 20).toFixed(1)} MiB each`,
);
console.log(`${faults} failures`);
if (faults > 0) Deno.exit(1);
