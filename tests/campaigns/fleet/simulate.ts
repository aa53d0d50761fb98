/**
 * Figures of a fleet in virtual time, by the size of the subsets: see simulation.ts for the model.
 *
 *     deno task simulate:fleet [--servers 1000] [--clients 1000] [--sizes 10,20,50,100]
 *
 * @module
 */

import { anyText, readArguments, refuse, whole } from "../../../scripts/arguments.ts";
import { simulateFleet, type Spread } from "./simulation.ts";

const USAGE = `
deno task simulate:fleet [--servers N] [--clients N] [--sizes N,N…] [--seed N]

  --servers N    number of servers; default 1000
  --clients N    number of clients; default 1000
  --sizes N,N…   sizes of the subsets; default 10,20,50,100
  --seed N       seed of all random choices; default 1
`;

const { values } = readArguments(USAGE, {
  servers: whole(1_000, 2, 10_000),
  clients: whole(1_000, 1, 10_000),
  sizes: anyText("10,20,50,100"),
  seed: whole(1, 0, 2 ** 31),
});
const sizes = values.sizes.split(",").map(Number);
if (!sizes.every((size) => Number.isInteger(size) && size > 0)) {
  refuse(`Cannot use ${JSON.stringify(values.sizes)} as sizes: must be whole numbers above 0`);
}

const text = ({ min, max, variation }: Spread, digits: number) =>
  `${min.toFixed(digits)}–${max.toFixed(digits)} (±${(100 * variation).toFixed(0)} %)`;

console.log(
  "| subset | connections per server | load per server | after 10 % have gone | at the end | " +
    "half, all rebalanced | clients without a server |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const size of sizes) {
  const figures = simulateFleet({
    servers: values.servers,
    clients: values.clients,
    subsetSize: size,
    leaving: 0.1,
    dnsLagMs: 5_000,
    minResolveIntervalMs: 30_000,
    seed: values.seed,
  });
  const { connections, load, loadAfterLoss, loadAtEnd } = figures;
  console.log(
    `| ${size} | ${text(connections, 0)} | ${text(load, 2)} | ${text(loadAfterLoss, 2)} | ` +
      `${text(loadAtEnd, 2)} | ${(figures.halfRebalancedMs / 1_000).toFixed(1)} s, ` +
      `${(figures.rebalancedMs / 1_000).toFixed(1)} s | ${figures.clientsWithoutServer} |`,
  );
}
