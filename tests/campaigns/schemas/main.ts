// deno task fuzz:schemas [--minutes N] [--from SEED] [--python COMMAND]
//
// Compares the protobuf codecs with protobuf-es and upb on random message types, by seed. Prints the differences that
// have no explanation, each with the seed of its type; the exit code is then 1.

import { anyText, number, readArguments, whole } from "../../../scripts/arguments.ts";
import { compareType, type Findings } from "./campaign.ts";
import { Upb } from "./upb.ts";

const MAX_PRINTED = 20;
const USAGE = `
deno task fuzz:schemas [--minutes N] [--from SEED] [--python COMMAND]

  --minutes N       how long; default 1
  --from SEED       seed of the first type; default another one each time
  --python COMMAND  interpreter with protobuf's package, for upb; default python3
`;

const { values } = readArguments(USAGE, {
  minutes: number(1, 0.001, 100_000),
  from: whole(undefined, 0, 2 ** 31),
  python: anyText("python3"),
});

const findings: Findings = {
  types: 0,
  inputs: 0,
  byUpb: 0,
  explained: new Map(),
  differences: [],
};
await using upb = await Upb.start(values.python);
const first = values.from ?? Math.floor(Math.random() * 2 ** 30);
console.log(`from seed ${first}`);
const endMs = Date.now() + values.minutes * 60_000;
let seed = first;
while (Date.now() < endMs && findings.differences.length < MAX_PRINTED) {
  await compareType(seed++, findings, upb);
}
for (const difference of findings.differences) console.log(difference);
for (const [reason, count] of findings.explained) console.log(`${count} × ${reason}`);
console.log(
  `${findings.types} types, ${findings.inputs} inputs, ${findings.byUpb} of them by upb; ` +
    `${findings.differences.length} differences without explanation`,
);
if (findings.differences.length > 0) Deno.exitCode = 1;
