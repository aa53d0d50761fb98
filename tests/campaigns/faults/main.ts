/**
 * Faults against real processes, repeated.
 *
 *     deno task test:faults [--rounds 3] [--only TEXT]
 *
 * Prints a table. Exits with 1 when a check fails.
 */

import assert from "node:assert/strict";
import { anyText, readArguments, refuse, whole } from "../../../scripts/arguments.ts";
import { scenarios } from "./scenarios.ts";
import { Backend, Ledger, openSockets, timeUntil } from "./world.ts";

const USAGE = `
deno task test:faults [--rounds N] [--only TEXT]

  --rounds N     how often each fault happens; default 3
  --only TEXT    faults whose names contain it; default all
`;

const { values: { rounds, only } } = readArguments(USAGE, {
  rounds: whole(3, 1, 1_000_000),
  only: anyText(""),
});
const chosen = scenarios.filter(({ name }) => name.includes(only));
if (chosen.length === 0) refuse(`Cannot find a fault with "${only}" in its name`);

const backends = [new Backend(), new Backend(), new Backend()];
await Promise.all(backends.map((backend) => backend.start()));
const sockets = openSockets();
const rows = chosen.map(({ name, limitMs }) => ({
  name,
  limitMs,
  calls: 0,
  failed: 0,
  ms: [] as number[],
  wrong: [] as string[],
}));

for (let round = 0; round < rounds; round++) {
  for (const [i, scenario] of chosen.entries()) {
    const ledger = new Ledger();
    for (const backend of backends) backend.ledger = ledger;
    const row = rows[i];
    try {
      row.ms.push(await scenario.run({ backends, ledger }));
      // The last lines of the servers may still be in the pipe.
      await timeUntil(() => {
        return [...ledger.ends].every(([id, code]) => code !== 0 || ledger.runs.has(id));
      }, 2_000);
      ledger.check();
      await timeUntil(() => openSockets() <= sockets, 2_000);
    } catch (error) {
      const message = error instanceof assert.AssertionError ? error.message : String(error);
      row.wrong.push(`round ${round + 1}: ${message}`);
      for (const backend of backends) {
        await backend.kill();
        await backend.start();
      }
    }
    row.calls += ledger.started;
    row.failed += ledger.failed;
  }
}
await Promise.all(backends.map((backend) => backend.kill()));

console.log(`${rounds} rounds; ms until the pool was healthy again\n`);
console.log(`${"fault".padEnd(50)} ${"calls".padStart(8)} failed  p50 ms  max ms  limit  wrong`);
for (const { name, limitMs, calls, failed, ms, wrong } of rows) {
  ms.sort((a, b) => a - b);
  const [p50, max] = [ms[ms.length >> 1] ?? NaN, ms.at(-1) ?? NaN];
  console.log(
    [
      name.padEnd(50),
      String(calls).padStart(8),
      String(failed).padStart(6),
      p50.toFixed(0).padStart(7),
      max.toFixed(0).padStart(7),
      limitMs.toFixed(0).padStart(6),
      String(wrong.length).padStart(6),
    ].join(" "),
  );
}
const wrong = rows.flatMap((row) => row.wrong.map((text) => `${row.name}: ${text}`));
for (const text of wrong) console.log(`\nWRONG ${text}`);
Deno.exit(wrong.length > 0 ? 1 : 0);
