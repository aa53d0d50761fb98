/**
 * Workloads and their measurements.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { join } from "node:path";
import { MsgSchema } from "../../proto/gen/bench/echo_pb.ts";
import { ListRequestSchema, OrderListSchema } from "../../proto/gen/bench/orders_pb.ts";
import { orders } from "../orders.ts";
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
  /** Whether the server speaks TLS. */
  readonly tls?: boolean;
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

/** Request of a load. */
interface Request {
  /** Path of the method. */
  readonly path: string;
  /** Name of the request's file. */
  readonly name: string;
  /** Returns the encoded message. */
  message(): Uint8Array;
}

const unaryEcho = (bytes: number): Request => ({
  path: "/bench.Echo/Unary",
  name: `message-${bytes}`,
  message: () => toBinary(MsgSchema, create(MsgSchema, { payload: new Uint8Array(bytes) })),
});

const ordersEcho = (count: number): Request => ({
  path: "/bench.Orders/Echo",
  name: `orders-${count}`,
  message: () => toBinary(OrderListSchema, create(OrderListSchema, orders(count))),
});

const ordersList = (count: number): Request => ({
  path: "/bench.Orders/List",
  name: `list-${count}`,
  message: () => toBinary(ListRequestSchema, create(ListRequestSchema, { count })),
});

/** Writes a file with one gRPC message. */
async function messageFile({ name, message }: Request): Promise<string> {
  const body = message();
  const frame = new Uint8Array(5 + body.length);
  new DataView(frame.buffer).setUint32(1, body.length);
  frame.set(body, 5);
  const file = join(CACHE, `${name}.bin`);
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.writeFile(file, frame);
  return file;
}

/** Options of {@link h2load}. */
export interface H2loadOptions {
  /** Whether each call is timed. */
  latency?: boolean;
  /** Calls per second in total; default unlimited. */
  perSecond?: number;
  /** Whether the server speaks TLS. */
  tls?: boolean;
}

/** Creates a load of unary calls of `bytes` bytes by h2load. */
export function h2load(
  connections: number,
  streams: number,
  bytes: number,
  options: H2loadOptions = {},
): Workload["measure"] {
  return callsOf(unaryEcho(bytes), connections, streams, options);
}

function callsOf(
  request: Request,
  connections: number,
  streams: number,
  extra: H2loadOptions = {},
): Workload["measure"] {
  return async (server, seconds, { core }) => {
    const file = await messageFile(request);
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
          `${extra.tls ? "https" : "http"}://${server.address}${request.path}`,
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

const nested = (id: string, name: string, request: Request): Workload => ({
  id,
  name: `${name}, 10×10`,
  unit: "calls",
  measure: callsOf(request, 10, 10),
});

const tls = (connections: number, streams: number): Workload => ({
  id: `tls-${connections}x${streams}`,
  name: `nested 0.3 KB echo over TLS, ${connections}×${streams}`,
  unit: "calls",
  tls: true,
  measure: callsOf(ordersEcho(1), connections, streams, {
    tls: true,
    latency: connections * streams === 1,
  }),
});

/** Unary workloads (connections × streams) and streaming workloads. */
export const WORKLOADS: Workload[] = [
  unary(1, 1),
  unary(10, 1),
  unary(10, 10),
  unary(100, 10),
  nested("orders-1", "nested 0.3 KB echo", ordersEcho(1)),
  nested("orders-10", "nested 3 KB echo", ordersEcho(10)),
  nested("orders-list", "nested 30 KB list reply", ordersList(90)),
  tls(1, 1),
  tls(10, 10),
  tls(100, 10),
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
