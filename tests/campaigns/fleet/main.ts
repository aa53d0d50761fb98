/**
 * Rolling restarts of a fleet of server processes behind DNS, under load. Exits with 1 if a call failed.
 *
 *     deno task test:fleet [--rounds 20] [--servers 8] [--rate 200] [--balancer round_robin]
 *
 * @module
 */

import { anyText, readArguments, whole } from "../../../scripts/arguments.ts";
import { rollingRestart } from "./rolling_restart.ts";

const USAGE = `
deno task test:fleet [--rounds N] [--servers N] [--rate N] [--balancer NAME]

  --rounds N       how often each server is replaced; default 20
  --servers N      number of server processes; default 8
  --rate N         calls per second; default 200
  --balancer NAME  policy of the client; default round_robin
`;

const { values } = readArguments(USAGE, {
  rounds: whole(20, 1, 1_000),
  servers: whole(8, 2, 50),
  rate: whole(200, 1, 10_000),
  balancer: anyText("round_robin"),
});

const figures = await rollingRestart({
  ...values,
  onRound: (round, { calls, failed }) =>
    console.log(`round ${round}: ${calls} calls, ${failed} failed`),
});
for (const [text, count] of figures.failures) console.log(`${count} × ${text}`);
console.log(
  `${figures.restarts} restarts, ${figures.calls} calls, ${figures.failed} failed, ` +
    `slowest ${figures.slowestMs.toFixed(0)} ms, ${figures.dnsQueries} DNS queries`,
);
Deno.exit(figures.failed === 0 ? 0 : 1);
