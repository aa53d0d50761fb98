/** Runs each fault once with the sanitizers on; `deno task test:faults --rounds N` repeats them. */

import { scenarios } from "./scenarios.ts";
import { Backend, Ledger, timeUntil } from "./world.ts";

for (const { name, run } of scenarios) {
  Deno.test(`faults: ${name}`, async () => {
    const backends = [new Backend(), new Backend(), new Backend()];
    const ledger = new Ledger();
    for (const backend of backends) backend.ledger = ledger;
    await Promise.all(backends.map((backend) => backend.start()));
    try {
      await run({ backends, ledger });
      await timeUntil(() => {
        return [...ledger.ends].every(([id, code]) => code !== 0 || ledger.runs.has(id));
      }, 2_000);
      ledger.check();
    } finally {
      await Promise.all(backends.map((backend) => backend.kill()));
    }
  });
}
