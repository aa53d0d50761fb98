/**
 * Runs in the guest: call rates over vsock (CID 1) and over TCP loopback, taken in turn, side by side.
 *
 * @module
 */

import { connect, serve } from "../../mod.ts";

const ROUNDS = 5;
const ROUND_MS = 1_500;

await using server = await serve(["vsock:-1:5100", "127.0.0.1:0"], (router) => {
  router.method("/echo", {}, (payload) => payload as Uint8Array);
});
const payload = new Uint8Array(64);
const transports = { vsock: "vsock:1:5100", tcp: server.addresses[1] };

async function callsPerSecond(address: string, inFlight: number): Promise<number> {
  await using channel = connect(address);
  await channel.call("/echo", payload);
  let calls = 0;
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (performance.now() - start < ROUND_MS) {
      await channel.call("/echo", payload);
      calls++;
    }
  }));
  return calls * 1000 / (performance.now() - start);
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

for (const inFlight of [1, 100]) {
  const rates: Record<string, number[]> = { vsock: [], tcp: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, address] of Object.entries(transports)) {
      rates[name].push(await callsPerSecond(address, inFlight));
    }
  }
  const [vsock, tcp] = [median(rates.vsock), median(rates.tcp)];
  console.log(
    `parity, ${inFlight} in flight: vsock ${vsock.toFixed(0)} calls/s, TCP loopback ${
      tcp.toFixed(0)
    } calls/s, vsock/TCP ${(vsock / tcp).toFixed(2)}`,
  );
}
