/**
 * Batched against unbatched calls: 64-byte echo over one TCP connection, the same pair of processes. Prints
 * rates, latencies and the CPU of both processes per call; the last line is `batched/unbatched: N.NN`.
 *
 *     deno task bench:batch [--seconds 2] [--rounds 5]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Channel, connect, serve } from "../../mod.ts";
import { addBatch } from "../../src/rpc/batch/mod.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { childProcess, cpuMs, machine } from "../processes.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    server: { type: "boolean", default: false },
  },
});

const IN_FLIGHT = 100;
const PAYLOAD = new Uint8Array(64).fill(120);

interface Result {
  callsPerSecond: number;
  p50Us: number;
  serverUs: number;
  clientUs: number;
}

async function runServer(): Promise<void> {
  const server = await serve("127.0.0.1:0", (router) => {
    router.service(Echo, { unary: (request) => request });
    addBatch(router);
  });
  console.log(server.addresses[0]);
  await server.finished;
}

/** Keeps `inFlight` calls in flight for a time. */
async function measure(
  channel: Channel,
  inFlight: number,
  ms: number,
  serverPid: number,
): Promise<Result> {
  const echo = channel.client(Echo);
  const end = performance.now() + ms;
  const latencies: number[] = [];
  let calls = 0;
  const serverBefore = await cpuMs(serverPid);
  const clientBefore = await cpuMs(Deno.pid);
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, async () => {
    for (let before = performance.now(); before < end;) {
      await echo.unary({ payload: PAYLOAD });
      const now = performance.now();
      // Samples one call in 16: enough for a median, with little overhead.
      if ((calls++ & 15) === 0) latencies.push(now - before);
      before = now;
    }
  }));
  const elapsed = performance.now() - started;
  const serverCpu = await cpuMs(serverPid) - serverBefore;
  const clientCpu = await cpuMs(Deno.pid) - clientBefore;
  latencies.sort((a, b) => a - b);
  return {
    callsPerSecond: calls / elapsed * 1000,
    p50Us: latencies[latencies.length >> 1] * 1000,
    serverUs: serverCpu / calls * 1000,
    clientUs: clientCpu / calls * 1000,
  };
}

/** Returns the fastest round, the one least disturbed by other load. */
function best(results: Result[]): Result {
  return results.reduce((a, b) => b.callsPerSecond > a.callsPerSecond ? b : a);
}

function print(name: string, inFlight: number, results: Result[]): void {
  const result = best(results);
  console.log(
    [
      name.padEnd(10),
      String(inFlight).padStart(9),
      result.callsPerSecond.toFixed(0).padStart(9),
      result.p50Us.toFixed(1).padStart(9),
      result.serverUs.toFixed(2).padStart(18),
      result.clientUs.toFixed(2).padStart(18),
    ].join(" "),
  );
}

async function main(): Promise<void> {
  const ms = Number(values.seconds) * 1000;
  const rounds = Number(values.rounds);
  console.log(machine());
  console.log(
    `64-byte echo, one TCP connection, ${rounds} rounds of ${values.seconds} s, the best round of each\n`,
  );
  await using server = await childProcess(import.meta.url, ["--server"]);
  const address = server.line;
  await using plain = connect(address, { poolSize: 1 });
  await using batched = connect(address, { poolSize: 1, batch: true });
  const results = new Map<string, Result[]>();
  for (const inFlight of [IN_FLIGHT, 1]) {
    for (const channel of [plain, batched]) await measure(channel, inFlight, 1000, server.pid);
    // Alternating, so that changes of the machine affect both.
    for (let round = 0; round < rounds; round++) {
      for (const [name, channel] of [["unbatched", plain], ["batched", batched]] as const) {
        const key = `${name} ${inFlight}`;
        const result = await measure(channel, inFlight, ms, server.pid);
        results.set(key, [...results.get(key) ?? [], result]);
      }
    }
  }
  console.log("           in flight   calls/s    p50 µs  server CPU µs/call client CPU µs/call");
  for (const [key, list] of results) {
    const [name, inFlight] = key.split(" ");
    print(name, Number(inFlight), list);
  }
  const latency = best(results.get("batched 1")!).p50Us /
    best(results.get("unbatched 1")!).p50Us;
  console.log(`\nlatency of a single call in flight, batched/unbatched: ${latency.toFixed(2)}`);
  const ratio = best(results.get(`batched ${IN_FLIGHT}`)!).callsPerSecond /
    best(results.get(`unbatched ${IN_FLIGHT}`)!).callsPerSecond;
  console.log(`batched/unbatched: ${ratio.toFixed(2)}`);
}

await (values.server ? runServer() : main());
