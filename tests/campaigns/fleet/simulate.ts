/**
 * Figures of a fleet in virtual time, by the size of the subsets: see simulation.ts for the model.
 *
 *     deno task simulate:fleet [--servers 1000] [--clients 1000] [--sizes 10,20,50,100]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { simulateFleet, type Spread } from "./simulation.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    servers: { type: "string", default: "1000" },
    clients: { type: "string", default: "1000" },
    sizes: { type: "string", default: "10,20,50,100" },
    seed: { type: "string", default: "1" },
  },
});

const text = ({ min, max, variation }: Spread, digits: number) =>
  `${min.toFixed(digits)}–${max.toFixed(digits)} (±${(100 * variation).toFixed(0)} %)`;

console.log(
  "| subset | connections per server | load per server | after 10 % have gone | at the end | " +
    "half, all rebalanced | clients without a server |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const size of values.sizes.split(",").map(Number)) {
  const figures = simulateFleet({
    servers: Number(values.servers),
    clients: Number(values.clients),
    subsetSize: size,
    leaving: 0.1,
    dnsLagMs: 5_000,
    minResolveIntervalMs: 30_000,
    seed: Number(values.seed),
  });
  const { connections, load, loadAfterLoss, loadAtEnd } = figures;
  console.log(
    `| ${size} | ${text(connections, 0)} | ${text(load, 2)} | ${text(loadAfterLoss, 2)} | ` +
      `${text(loadAtEnd, 2)} | ${(figures.halfRebalancedMs / 1_000).toFixed(1)} s, ` +
      `${(figures.rebalancedMs / 1_000).toFixed(1)} s | ${figures.clientsWithoutServer} |`,
  );
}
