/**
 * Rolling restarts of a fleet of server processes behind DNS, under load. Exits with 1 if a call failed.
 *
 *     deno task test:fleet [--rounds 20] [--servers 8] [--rate 200] [--balancer round_robin]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { rollingRestart } from "./rolling_restart.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "20" },
    servers: { type: "string", default: "8" },
    rate: { type: "string", default: "200" },
    balancer: { type: "string", default: "round_robin" },
  },
});

const figures = await rollingRestart({
  rounds: Number(values.rounds),
  servers: Number(values.servers),
  rate: Number(values.rate),
  balancer: values.balancer,
  onRound: (round, { calls, failed }) =>
    console.log(`round ${round}: ${calls} calls, ${failed} failed`),
});
for (const [text, count] of figures.failures) console.log(`${count} × ${text}`);
console.log(
  `${figures.restarts} restarts, ${figures.calls} calls, ${figures.failed} failed, ` +
    `slowest ${figures.slowestMs.toFixed(0)} ms, ${figures.dnsQueries} DNS queries`,
);
Deno.exit(figures.failed === 0 ? 0 : 1);
