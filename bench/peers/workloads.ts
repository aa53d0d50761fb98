/**
 * Workloads of servers and clients.
 *
 * @module
 */

import { crowd, goLoad, mixed, overTls } from "./go_load.ts";
import { callsOf, h2load } from "./h2load.ts";
import type { Mode } from "./modes.ts";
import {
  compressed,
  connectEcho,
  ordersEcho,
  ordersList,
  type Request,
  unaryEcho,
  withDeadline,
  withFields,
  withToken,
} from "./requests.ts";
import type { Sample, Workload } from "./sample.ts";
import { run, type Running } from "./tools.ts";
import { wrk } from "./wrk.ts";

const unary = (connections: number, streams: number): Workload => ({
  id: `unary-${connections}x${streams}`,
  name: `unary 64 B, ${connections}×${streams}`,
  unit: "calls",
  measure: h2load(connections, streams, 64, { latency: connections * streams === 1 }),
});

const unaryOverTls = (connections: number, streams: number): Workload => ({
  id: `unary-tls-${connections}x${streams}`,
  name: `unary 64 B over TLS, ${connections}×${streams}`,
  unit: "calls",
  tls: "server",
  measure: h2load(connections, streams, 64, { tls: true }),
});

const tenByTen = (id: string, name: string, request: Request, mode?: Mode): Workload => ({
  id,
  name: `${name}, 10×10`,
  unit: "calls",
  mode,
  measure: callsOf(request, 10, 10),
});

const SHAPES = [[1, 1], [10, 10], [100, 10]];

const tlsEchoes = (tls: "server" | "mutual"): Workload[] =>
  SHAPES.map(([connections, streams]) => ({
    id: `${tls === "mutual" ? "mtls" : "tls"}-${connections}x${streams}`,
    name: `nested 0.3 KB echo over ${
      tls === "mutual" ? "mutual " : ""
    }TLS, ${connections}×${streams}`,
    unit: "calls",
    tls,
    needs: "go",
    warmsUp: true,
    measure: overTls(tls, connections, streams),
  }));

const connectCalls = (format: "json" | "proto"): Workload[] => {
  const request = connectEcho(format);
  const unary = (id: string, name: string) => ({
    id: `connect-${format}-${id}`,
    name: `Connect unary 64 B in ${format}, ${name}`,
    unit: "calls",
  });
  const h1 = { connect: "h1", needs: "wrk" } as const;
  return [
    { ...unary("h1", "HTTP/1.1, 10×10 pipelined"), ...h1, measure: wrk(request, 10, 10) },
    { ...unary("h1-100", "HTTP/1.1, 100×1"), ...h1, measure: wrk(request, 100, 1) },
    { ...unary("h2", "HTTP/2, 10×10"), connect: "h2", measure: callsOf(request, 10, 10) },
  ];
};

const CROWD = 10_000;

/** Workloads of servers. */
export const WORKLOADS: Workload[] = [
  unary(1, 1),
  unary(10, 1),
  unary(10, 10),
  unary(100, 10),
  unaryOverTls(1, 1),
  unaryOverTls(10, 10),
  tenByTen("orders-1", "nested 0.3 KB echo", ordersEcho(1)),
  tenByTen("orders-10", "nested 3 KB echo", ordersEcho(10)),
  tenByTen("orders-list", "nested 30 KB list reply", ordersList(90)),
  ...tlsEchoes("server"),
  ...tlsEchoes("mutual"),
  tenByTen("async", "asynchronous handler, 64 B", unaryEcho(64), "async"),
  tenByTen("turn", "handler that waits a turn, 64 B", unaryEcho(64), "turn"),
  tenByTen("interceptors", "two interceptors, 64 B", withToken(unaryEcho(64)), "interceptors"),
  tenByTen("deadline", "deadline on every call, 64 B", withDeadline(unaryEcho(64))),
  tenByTen(
    "metadata",
    "20 fields there and back, 64 B",
    withFields(unaryEcho(64), 20),
    "metadata",
  ),
  tenByTen("gzip", "gzip, nested 3 KB echo", compressed(ordersEcho(10)), "gzip"),
  ...connectCalls("json"),
  ...connectCalls("proto"),
  {
    id: "unary-1m",
    name: "unary 1 MiB, 4×1",
    unit: "calls",
    bytes: 1 << 20,
    measure: h2load(4, 1, 1 << 20),
  },
  {
    id: "mixed",
    name: "mixed: 90 % 64 B, 9 % nested 3 KB, 1 % 1 MiB",
    unit: "calls",
    needs: "go",
    measure: mixed,
  },
  {
    id: "pingpong",
    name: "one bidirectional stream, ping-pong",
    unit: "round trips",
    needs: "go",
    measure: goLoad("pingpong", 1, 64),
  },
  {
    id: "pump",
    name: "one bidirectional stream, pumped, 64 B",
    unit: "messages",
    needs: "go",
    measure: goLoad("pump", 1, 64),
  },
  {
    id: "pump-10",
    name: "10 bidirectional streams, pumped, 64 B",
    unit: "messages",
    needs: "go",
    measure: goLoad("pump", 10, 64),
  },
  {
    id: "chunks",
    name: "server stream, 16 KiB",
    unit: "messages",
    bytes: 16384,
    needs: "go",
    measure: goLoad("chunks", 1, 16384),
  },
  {
    id: "idle-1000",
    name: "1,000 connections, a call per second each",
    unit: "calls",
    needs: "go",
    measure: goLoad("idle", 1000, 64),
  },
  {
    id: "crowd",
    name: "10,000 connections, 2,000 calls per second in total",
    unit: "calls",
    needs: "go",
    warmsUp: true,
    measure: crowd(CROWD),
  },
];

/** Calls in flight in the workloads of clients. */
const IN_FLIGHT = 100;

/** Workload of clients, all against the same server. */
export interface ClientWorkload {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  /** Message of the calls, as the key of the command in {@link Peer.clients}. */
  readonly message: "small" | "nested";
}

/** Workloads of clients. */
export const CLIENTS: ClientWorkload[] = [
  {
    id: "clients",
    name: `clients, ${IN_FLIGHT} unary calls of 64 B in flight, one connection`,
    unit: "calls",
    message: "small",
  },
  {
    id: "clients-nested",
    name: `clients, ${IN_FLIGHT} nested 3 KB echoes in flight, one connection`,
    unit: "calls",
    message: "nested",
  },
];

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
