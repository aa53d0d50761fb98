/**
 * Lean against gRPC, alternating in one run: same server on core 0, same method, load from core 1.
 *
 *     deno run -A bench/programs/lean.ts [--seconds 3] [--rounds 3] [--connections 10] [--streams 10]
 *
 * h2load (Debian: nghttp2-client) makes the gRPC load, lean_load.ts the lean load. The single call in flight is
 * timed with this project's client on both wires.
 *
 * @module
 */

import { cpus, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect } from "../../mod.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { cpuSeconds, run, type Running, startServer } from "../peers/tools.ts";
import { WORKLOADS } from "../peers/workloads.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "10" },
    streams: { type: "string", default: "10" },
    calls: { type: "string", default: "20000" },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const here = import.meta.dirname!;

interface Figures {
  rate: number;
  cpuUs: number;
}

async function lean(server: Running): Promise<Figures> {
  const before = cpuSeconds(server.pid);
  const output = await run([
    ...["taskset", "-c", "1", Deno.execPath(), "run", "-A", join(here, "lean_load.ts")],
    ...[server.address, values.connections, values.streams, values.seconds, "64"],
  ], { limitMs: (seconds + 30) * 1000 });
  const { calls, seconds: took } = JSON.parse(output.trim().split("\n").pop()!);
  return { rate: calls / took, cpuUs: (cpuSeconds(server.pid) - before) / calls * 1e6 };
}

async function grpc(server: Running): Promise<Figures> {
  const id = `unary-${values.connections}x${values.streams}`;
  const workload = WORKLOADS.find((one) => one.id === id);
  if (!workload) throw new RangeError(`Cannot compare ${id}: see bench/peers/workloads.ts`);
  return await workload.measure(server, seconds, { core: 1 });
}

/** Measures the median latency of single calls, in µs. */
async function p50(server: Running, wire: "grpc" | "lean", calls: number): Promise<number> {
  await using channel = connect(server.address, { wire, poolSize: 1 });
  const echo = channel.client(Echo);
  const message = { payload: new Uint8Array(64) };
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const startMs = performance.now();
    await echo.unary(message);
    times.push((performance.now() - startMs) * 1000);
  }
  return times.sort((a, b) => a - b)[calls >> 1];
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[list.length >> 1];

await using server = await startServer([
  ...[Deno.execPath(), "run", "-A", join(here, "lean_server.ts"), "--addr", "127.0.0.1:0"],
], 0);
console.log(
  `${
    cpus()[0].model.trim()
  }, ${cpus().length} cores, Linux ${release()}, Deno ${Deno.version.deno}`,
);
console.log(
  `64-byte echo, ${values.connections} connections × ${values.streams} in flight, ${rounds} rounds of ${seconds} s`,
);
// Warm-up of both wires.
await lean(server);
await grpc(server);
const found = { lean: [] as Figures[], grpc: [] as Figures[] };
for (let round = 0; round < rounds; round++) {
  for (const [wire, measure] of [["grpc", grpc], ["lean", lean]] as const) {
    const one = await measure(server);
    found[wire].push(one);
    console.log(`${wire}: ${Math.round(one.rate)} calls/s, ${one.cpuUs.toFixed(2)} µs server CPU`);
  }
}
const cpu = (wire: "lean" | "grpc") => median(found[wire].map((one) => one.cpuUs));
const rate = (wire: "lean" | "grpc") => median(found[wire].map((one) => one.rate));
console.log(
  `medians: lean ${Math.round(rate("lean"))} calls/s, ${cpu("lean").toFixed(2)} µs; gRPC ${
    Math.round(rate("grpc"))
  } calls/s, ${cpu("grpc").toFixed(2)} µs; lean makes ${
    (rate("lean") / rate("grpc")).toFixed(2)
  } times the calls/s and takes ${(cpu("lean") / cpu("grpc")).toFixed(2)} of the CPU`,
);
const single = { lean: [] as number[], grpc: [] as number[] };
for (let round = 0; round < rounds; round++) {
  for (const wire of ["grpc", "lean"] as const) {
    single[wire].push(await p50(server, wire, Number(values.calls)));
  }
}
console.log(
  `p50 of one call in flight: lean ${median(single.lean).toFixed(1)} µs, gRPC ${
    median(single.grpc).toFixed(1)
  } µs`,
);
