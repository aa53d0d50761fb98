/**
 * Workloads and their figures.
 *
 * @module
 */

import type { Mode } from "./modes.ts";
import { cpuSeconds, residentMegabytes, type Running } from "./tools.ts";

/** Figures of one measurement. */
export interface Sample {
  /** Calls or messages per second; in the mixed workload the server's capacity. */
  rate: number;
  /** CPU time per call or message, in µs, of the server, or of the client in workloads of clients. */
  cpuUs: number;
  /** Largest resident memory, in MB. */
  residentMb?: number;
  /** Median, 99th and 99.9th percentile of the latency, in µs, where it is measured. */
  p50Us?: number;
  p99Us?: number;
  p999Us?: number;
  /** Bytes of DATA frames per reply, where h2load makes the load. */
  replyBytes?: number;
  /** CPU time of the server per connection that is opened, in µs. */
  connectCpuUs?: number;
  /** Memory of the server per connection, in KB. */
  perConnectionKb?: number;
  /** Busy share of the load's core while the capacity is measured: near 1, the load is the limit. */
  loadShare?: number;
  /** Calls that the server refused (REFUSED_STREAM) and that were sent again. */
  refused?: number;
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
  /** Mode of the server. Default `plain`. */
  readonly mode?: Mode;
  /** Whether the server speaks TLS, and asks for the client's certificate (`mutual`). Default: no TLS. */
  readonly tls?: "server" | "mutual";
  /** Version of HTTP over which the calls are Connect's. Default: they are gRPC's. */
  readonly connect?: "h1" | "h2";
  /** Program that makes the load, where it is not h2load. */
  readonly needs?: "go" | "wrk";
  /** Whether the load itself warms the server up. Default: the load runs twice. */
  readonly warmsUp?: boolean;
  /** Loads the server from one core, and measures. */
  measure(server: Running, seconds: number, tools: Loaders): Promise<Sample>;
}

/** Programs that make load. */
export interface Loaders {
  /** Core for load generators, or several (`0,1`). */
  core: number | string;
  /** Path of the Go program. */
  go?: string;
}

/** Result of a load. */
export interface LoadResult extends Omit<Sample, "rate" | "cpuUs"> {
  readonly calls: number;
  readonly seconds: number;
}

/** Runs a load and measures the server's CPU time and memory meanwhile. */
export async function observed(
  server: Running,
  load: () => Promise<LoadResult>,
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
    const { calls, seconds, ...figures } = await load();
    look();
    return { ...figures, rate: calls / seconds, cpuUs: used / calls * 1e6, residentMb };
  } finally {
    clearInterval(timer);
  }
}
