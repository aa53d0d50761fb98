/**
 * Load balancing: one channel over three servers, by three policies, and what happens when a server ends.
 *
 *     deno run -A examples/load_balancing/main.ts
 *
 * @module
 */

import { connect, serve, type Server } from "@vrpc/vrpc";

const servers: Server[] = [];
const counts = [0, 0, 0];
for (const index of counts.keys()) {
  servers.push(
    await serve("127.0.0.1:0", (router) => {
      router.method("/work", {}, (request) => {
        counts[index]++;
        return request;
      });
    }),
  );
}
const addresses = servers.map((server) => server.addresses[0]);

/** Makes 300 calls, ten at a time, and returns how many each server got. */
async function share(balancer: "pick_first" | "round_robin" | "least_request"): Promise<number[]> {
  counts.fill(0);
  // In production often a name with several addresses: connect("dns:///orders.internal:50051").
  await using channel = connect(addresses, { balancer, waitForReady: true });
  const call = () => channel.call("/work", new Uint8Array());
  // The first calls go to the servers that are connected first: here only the calls after them count.
  const used = balancer === "pick_first" ? 1 : up;
  do await call(); while (counts.filter((count) => count > 0).length < used);
  counts.fill(0);
  for (let round = 0; round < 30; round++) await Promise.all(Array.from({ length: 10 }, call));
  return [...counts];
}

let up = 3;
const first = await share("pick_first"); // one address until it fails
console.log(`pick_first: one server has all calls: ${first.includes(300)}`);
console.log(`round_robin: ${(await share("round_robin")).join(" + ")}`); // in turns
const least = await share("least_request"); // of two random servers that with fewer calls in flight
console.log(`least_request: each server has a good part: ${least.every((count) => count > 30)}`);

await servers[0].shutdown();
up = 2;
console.log(`round_robin without the first server: ${(await share("round_robin")).join(" + ")}`);

await Promise.all(servers.map((server) => server.close()));
