/**
 * Effect of CPU-heavy calls on the latency of others, with handlers in the server's thread and in a worker pool:
 *
 *     deno run -A bench/programs/worker_pool.ts [--seconds 5] [--heavy 4] [--heavy-ms 100] [--workers N]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Channel, connect, serve } from "../../mod.ts";
import { WorkerPool } from "../../src/rpc/workers/mod.ts";
import { configure } from "./worker_pool_methods.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    heavy: { type: "string", default: "4" },
    "heavy-ms": { type: "string", default: "100" },
    workers: { type: "string" },
    serve: { type: "string" },
  },
});

if (values.serve) await runServer(values.serve === "pool");
else await compare();

async function runServer(pooled: boolean): Promise<void> {
  const pool = pooled
    ? new WorkerPool({
      create: () =>
        new Worker(new URL("./worker_pool_worker.ts", import.meta.url), { type: "module" }),
      methods: ["/heavy"],
      workers: values.workers === undefined ? undefined : Number(values.workers),
    })
    : undefined;
  const server = await serve("127.0.0.1:0", configure, { dispatcher: pool?.dispatcher });
  console.log(server.addresses[0]);
  await server.finished;
}

async function compare(): Promise<void> {
  console.log(`${navigator.hardwareConcurrency} processors, Deno ${Deno.version.deno}`);
  for (const [mode, title] of [["thread", "own thread"], ["pool", "worker pool"]]) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename ?? "", "--serve", mode].concat(
        values.workers === undefined ? [] : ["--workers", values.workers],
      ),
      stdout: "piped",
    }).spawn();
    const { value } = await child.stdout.getReader().read();
    const address = new TextDecoder().decode(value).trim();
    await using channel = connect(address);
    await using heavyChannel = connect(address);
    await measure(channel, 0.5);
    const idle = await measure(channel, Number(values.seconds));
    const load = loadHeavily(heavyChannel);
    const busy = await measure(channel, Number(values.seconds));
    const heavy = await load.stop();
    console.log(
      `${title}: echo p50 ${idle.p50.toFixed(2)} → ${busy.p50.toFixed(2)} ms, ` +
        `p99 ${idle.p99.toFixed(2)} → ${busy.p99.toFixed(2)} ms ` +
        `(${(busy.p99 / idle.p99).toFixed(2)} times), ${heavy} heavy calls done`,
    );
    child.kill();
    await child.status;
  }
}

/** Makes echo calls in sequence, 1 ms apart; latencies in ms. */
async function measure(channel: Channel, seconds: number): Promise<{ p50: number; p99: number }> {
  const latencies: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  const payload = new Uint8Array(64);
  while (performance.now() < endMs) {
    const startMs = performance.now();
    await channel.call("/echo", payload);
    latencies.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  latencies.sort((a, b) => a - b);
  return {
    p50: latencies[Math.floor(latencies.length * 0.5)],
    p99: latencies[Math.floor(latencies.length * 0.99)],
  };
}

/** Keeps a number of heavy calls in flight; `stop` resolves to the number completed. */
function loadHeavily(channel: Channel): { stop(): Promise<number> } {
  let running = true;
  let done = 0;
  const callers = Array.from({ length: Number(values.heavy) }, async () => {
    while (running) {
      await channel.call("/heavy", new Uint8Array([Number(values["heavy-ms"])]));
      done++;
    }
  });
  return {
    async stop() {
      running = false;
      await Promise.all(callers);
      return done;
    },
  };
}
