/**
 * What a large configuration costs an xDS channel: memory with 1,000 clusters of 20 endpoints each, and the time from a
 * change of one cluster's endpoints to the first call that goes to the new ones. The control plane runs in the same process.
 *
 *     deno task bench:xds
 *
 * @module
 */

import type { Any } from "@bufbuild/protobuf/wkt";
import { ask, Fleet } from "../../tests/xds/fleet.ts";
import { cluster, endpoints, listener, locality, routes } from "../../tests/xds/messages.ts";

const CLUSTERS = 1_000;
const ENDPOINTS = 20;
const UPDATES = 50;

const gc = (globalThis as { gc?: () => void }).gc ?? (() => {});
const settledMb = async () => {
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return (heapUsed + external) / 1e6;
};

await using fleet = await Fleet.start(2);
const name = (i: number) => `cluster-${i}`;
// ring_hash connects to an endpoint at the first call for it: nothing of the memory is that of connections.
const clusters: Record<string, Any> = {};
const assignments: Record<string, Any> = {};
for (let i = 0; i < CLUSTERS; i++) {
  clusters[name(i)] = cluster(name(i), { lbPolicy: "RING_HASH" });
  const addresses = Array.from({ length: ENDPOINTS }, (_, j) => `10.${i >> 8}.${i & 255}.${j}:80`);
  assignments[name(i)] = endpoints(name(i), [locality(addresses)]);
}
const target = (server: number) => endpoints(name(0), [locality([fleet.address(server)])]);
assignments[name(0)] = target(0);
const route = routes(
  "routes",
  Array.from({ length: CLUSTERS }, (_, i) => ({
    match: { prefix: i === 0 ? "/shop." : `/service-${i}.` },
    route: { cluster: name(i) },
  })),
);

const beforeMb = await settledMb();
fleet.ads.set({
  listener: { orders: listener("orders") },
  route: { routes: route },
  cluster: clusters,
  endpoints: assignments,
});
const channel = fleet.connect();
const startMs = performance.now();
if (await ask(channel) !== "0") throw new Error("The first call has failed");
const firstMs = performance.now() - startMs;
const afterMb = await settledMb();

const times: number[] = [];
for (let i = 1; i <= UPDATES; i++) {
  const sinceMs = performance.now();
  fleet.ads.set({ endpoints: { ...assignments, [name(0)]: target(i % 2) } });
  while (await ask(channel) !== String(i % 2)) { /* the former endpoint */ }
  times.push(performance.now() - sinceMs);
}
times.sort((a, b) => a - b);
console.log(
  `${CLUSTERS} clusters of ${ENDPOINTS} endpoints: ${(afterMb - beforeMb).toFixed(1)} MB`,
);
console.log(`first call after ${firstMs.toFixed(0)} ms`);
console.log(
  `update applied after ${times[UPDATES >> 1].toFixed(1)} ms (median), ${
    times.at(-1)!.toFixed(1)
  } ms (slowest)`,
);
