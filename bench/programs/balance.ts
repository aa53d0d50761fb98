/**
 * Balancing when one of four backends is ten times slower: `least_request` against `round_robin`. Prints
 * rates and latencies; the last line is `p99 least_request/round_robin: N.NN`.
 *
 *     deno task bench:balance [--seconds 5] [--rate 2000]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { connect, serve } from "../../mod.ts";
import type { BalancerPolicy } from "../../src/rpc/pool/mod.ts";
import { childProcess, type ChildProgram, machine } from "../processes.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "5" },
    rate: { type: "string", default: "2000" },
    "delay-ms": { type: "string" },
  },
});

const FAST_MS = 2;
const SLOW_MS = 20;
// Concurrent calls per backend, as with a pool of workers or connections.
const CONCURRENCY = 8;

async function runServer(delayMs: number): Promise<void> {
  const waiting: (() => void)[] = [];
  let running = 0;
  const server = await serve("127.0.0.1:0", (router) => {
    router.method("/work", {}, async (request) => {
      if (running >= CONCURRENCY) await new Promise<void>((resolve) => waiting.push(resolve));
      running++;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      running--;
      waiting.shift()?.();
      return request;
    });
  });
  console.log(server.addresses[0]);
  await server.finished;
}

async function measure(addresses: string[], balancer: BalancerPolicy) {
  await using channel = connect(addresses, { balancer, poolSize: 1 });
  await channel.ready();
  const rate = Number(values.rate);
  const count = Math.round(rate * Number(values.seconds));
  const latencies: number[] = [];
  const payload = new Uint8Array(64);
  const calls: Promise<void>[] = [];
  const started = performance.now();
  // Open loop: waiting for a slow backend before the next call would hide its latency.
  while (calls.length < count) {
    const due = Math.min(count, Math.floor((performance.now() - started) / 1000 * rate));
    while (calls.length < due) {
      const at = started + calls.length / rate * 1000;
      calls.push(
        channel.call("/work", payload).then(() => {
          latencies.push(performance.now() - at);
        }),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(calls);
  const elapsed = performance.now() - started;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)];
  const share = channel.stats().connections.map((one) => one.callsStarted / latencies.length);
  return { rate: latencies.length / elapsed * 1000, p50: at(0.5), p99: at(0.99), share };
}

async function main(): Promise<void> {
  console.log(machine());
  console.log(
    `4 backends with ${CONCURRENCY} calls at once each, 3 take ${FAST_MS} ms and one ${SLOW_MS} ms; ` +
      `${values.rate} calls/s, ${values.seconds} s\n`,
  );
  const backends: ChildProgram[] = [];
  try {
    for (const delayMs of [FAST_MS, FAST_MS, FAST_MS, SLOW_MS]) {
      backends.push(await childProcess(import.meta.url, ["--delay-ms", String(delayMs)]));
    }
    const addresses = backends.map((one) => one.line);
    console.log("policy          calls/s   p50 ms   p99 ms  share of the slow one");
    const p99: number[] = [];
    for (const policy of ["least_request", "round_robin"] as const) {
      const result = await measure(addresses, policy);
      p99.push(result.p99);
      console.log(
        [
          policy.padEnd(14),
          result.rate.toFixed(0).padStart(8),
          result.p50.toFixed(1).padStart(8),
          result.p99.toFixed(1).padStart(8),
          `${(result.share[3] * 100).toFixed(1)} %`.padStart(10),
        ].join(" "),
      );
    }
    console.log(`\np99 least_request/round_robin: ${(p99[0] / p99[1]).toFixed(2)}`);
  } finally {
    await Promise.all(backends.map((one) => one[Symbol.asyncDispose]()));
  }
}

await (values["delay-ms"] === undefined ? main() : runServer(Number(values["delay-ms"])));
