/**
 * Workloads and their measurements.
 *
 * @module
 */

import { join } from "node:path";
import { CACHE, cpuSeconds, residentMegabytes, run, type Running } from "./tools.ts";

/** Figures of one measurement. */
export interface Sample {
  /** Calls or messages per second. */
  rate: number;
  /** CPU time per call or message, in µs, of the server, or of the client in the workload of clients. */
  cpuUs: number;
  /** Largest resident memory, in MB. */
  residentMb?: number;
  /** 99th percentile of the latency, in µs, where it is measured. */
  p99Us?: number;
}

/** Workload of a server. */
export interface Workload {
  /** Name on the command line. */
  readonly id: string;
  /** Name in tables. */
  readonly name: string;
  /** Unit of `rate`. */
  readonly unit: string;
  /** Payload bytes per unit in one direction, for MB/s. */
  readonly bytes?: number;
  /** Whether the grpc-go peer makes the load. */
  readonly needsGo?: boolean;
  /** Loads the server from one core, and measures. */
  measure(server: Running, seconds: number, tools: Loaders): Promise<Sample>;
}

/** Programs that make load. */
export interface Loaders {
  /** Core for load generators, or several (`0,1`). */
  core: number | string;
  /** Path of the grpc-go peer. */
  go?: string;
}

/** Runs a load and measures the server's CPU time and memory meanwhile. */
async function observed(
  server: Running,
  load: () => Promise<{ calls: number; seconds: number; p99Us?: number }>,
): Promise<Sample> {
  const before = cpuSeconds(server.pid);
  let used = 0;
  let residentMb = 0;
  const look = () => {
    try {
      used = cpuSeconds(server.pid) - before;
      residentMb = Math.max(residentMb, residentMegabytes(server.pid));
    } catch {
      // grpc-js on Deno may abort when a client disconnects: uses the last figures.
    }
  };
  const timer = setInterval(look, 50);
  try {
    const { calls, seconds, p99Us } = await load();
    look();
    return { rate: calls / seconds, cpuUs: used / calls * 1e6, residentMb, p99Us };
  } finally {
    clearInterval(timer);
  }
}

/** Writes a file with one gRPC message, a bench.Msg with `bytes` bytes of payload. */
async function messageFile(bytes: number): Promise<string> {
  const length: number[] = [];
  for (let left = bytes; left > 0; left >>>= 7) length.push((left & 127) | (left > 127 ? 128 : 0));
  const message = Uint8Array.of(0x0a, ...length);
  const frame = new Uint8Array(5 + message.length + bytes);
  new DataView(frame.buffer).setUint32(1, message.length + bytes);
  frame.set(message, 5);
  const file = join(CACHE, `message-${bytes}.bin`);
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.writeFile(file, frame);
  return file;
}

/**
 * Creates a load of unary calls by h2load, unlimited or `perSecond` in total; with `latency`, each call is timed.
 */
export function h2load(
  connections: number,
  streams: number,
  bytes: number,
  extra: { latency?: boolean; perSecond?: number } = {},
): Workload["measure"] {
  return async (server, seconds, { core }) => {
    const file = await messageFile(bytes);
    const log = extra.latency ? await Deno.makeTempFile() : undefined;
    try {
      return await observed(server, async () => {
        const output = await run([
          "taskset",
          "-c",
          String(core),
          "h2load",
          ...["-t", "1", "-c", String(connections), "-m", String(streams)],
          ...["-D", String(seconds), "-d", file],
          ...(extra.perSecond ? ["--rps", String(extra.perSecond / connections)] : []),
          ...["-H", "content-type: application/grpc", "-H", "te: trailers"],
          ...(log ? ["--log-file", log] : []),
          `http://${server.address}/bench.Echo/Unary`,
        ], { limitMs: (seconds + 30) * 1000 });
        const done = Number(/, (\d+) succeeded/.exec(output)?.[1]);
        const took = Number(/finished in ([\d.]+)s/.exec(output)?.[1]);
        if (!(done > 0)) throw new Error(`h2load made no calls: ${output.slice(-500)}`);
        return {
          calls: done,
          seconds: took,
          p99Us: log === undefined ? undefined : await p99Of(log),
        };
      });
    } finally {
      if (log) await Deno.remove(log);
    }
  };
}

/** Reads the log of h2load: a line per request with start, status and duration in µs. */
async function p99Of(log: string): Promise<number> {
  const text = await Deno.readTextFile(log);
  const times = text.trim().split("\n").map((line) => Number(line.split("\t")[2]));
  times.sort((a, b) => a - b);
  return times[Math.floor(0.99 * (times.length - 1))];
}

function goLoad(kind: string, streams: number, bytes: number): Workload["measure"] {
  return async (server, seconds, { core, go }) => {
    if (!go) throw new Error("needs Go, which generates this load");
    return await observed(server, async () => {
      const args = [kind, server.address, String(streams), String(seconds), String(bytes)];
      const output = await run(["taskset", "-c", String(core), go, ...args], {
        env: { GOMAXPROCS: "1" },
        limitMs: (seconds + 30) * 1000,
      });
      return JSON.parse(output);
    });
  };
}

const unary = (connections: number, streams: number): Workload => ({
  id: `unary-${connections}x${streams}`,
  name: `unary 64 B, ${connections}×${streams}`,
  unit: "calls",
  measure: h2load(connections, streams, 64, { latency: connections * streams === 1 }),
});

/** Unary workloads (connections × streams) and streaming workloads. */
export const WORKLOADS: Workload[] = [
  unary(1, 1),
  unary(10, 1),
  unary(10, 10),
  unary(100, 10),
  {
    id: "unary-1m",
    name: "unary 1 MiB, 4×1",
    unit: "calls",
    bytes: 1 << 20,
    measure: h2load(4, 1, 1 << 20),
  },
  {
    id: "pingpong",
    name: "one bidirectional stream, ping-pong",
    unit: "round trips",
    needsGo: true,
    measure: goLoad("pingpong", 1, 64),
  },
  {
    id: "pump",
    name: "one bidirectional stream, pumped, 64 B",
    unit: "messages",
    needsGo: true,
    measure: goLoad("pump", 1, 64),
  },
  {
    id: "pump-10",
    name: "10 bidirectional streams, pumped, 64 B",
    unit: "messages",
    needsGo: true,
    measure: goLoad("pump", 10, 64),
  },
  {
    id: "chunks",
    name: "server stream, 16 KiB",
    unit: "messages",
    bytes: 16384,
    needsGo: true,
    measure: goLoad("chunks", 1, 16384),
  },
  {
    id: "idle-1000",
    name: "1,000 connections, a call per second each",
    unit: "calls",
    needsGo: true,
    measure: goLoad("idle", 1000, 64),
  },
];

/** Calls in flight in the workload of clients. */
export const IN_FLIGHT = 100;

/** Runs a client against a server and measures the client. */
export async function measureClient(
  command: string[],
  env: Record<string, string> | undefined,
  server: Running,
  seconds: number,
  core: number,
): Promise<Sample> {
  const output = await run(
    ["taskset", "-c", String(core), ...command, server.address, String(IN_FLIGHT), String(seconds)],
    { env, limitMs: (seconds + 30) * 1000 },
  );
  const { calls, seconds: took, cpuSeconds: cpu } = JSON.parse(output.trim().split("\n").pop()!);
  return { rate: calls / took, cpuUs: cpu / calls * 1e6 };
}
