/**
 * Options and statistics of a connection pool.
 *
 * @module
 */

import type { Attestation } from "../../call/attestation.ts";
import { checkRange, measured, type Ranges } from "../../limits/ranges.ts";
import type { DialOptions } from "../../transport/dial.ts";
import type { ByteStream } from "../../transport/types.ts";

const SHRINK_AFTER_MS = 10_000;

/** Connections per address: a fixed number, or a range. */
export type PoolSize = number | {
  /** Smallest number of connections while the channel is in use, 1 to 1,024. Default 1. */
  readonly min?: number;
  /** Maximum number of connections, `min` to 1,024. Default: `min`, or 4 if that is more. */
  readonly max?: number;
  /** Time without calls after which a connection above `min` is closed, in ms; 1 or more. Default 10,000. */
  readonly shrinkAfterMs?: number;
};

/** Background health checks of connections; times are ms. */
export interface HealthCheckOptions {
  /** Interval between checks of a connection, 1 or more. Default 10,000. */
  readonly intervalMs?: number;
  /** Time limit of a check, 1 or more; a connection that exceeds it is closed. Default 5,000. */
  readonly timeoutMs?: number;
  /**
   * Service to check with `grpc.health.v1.Health/Check`; empty for the server as a whole. A connection gets no calls
   * while its server does not answer SERVING; a server without the health service counts as healthy. Default: only
   * check that the server responds, to a ping (lean) or to any status of that call (gRPC, whose servers reject frequent
   * pings).
   */
  readonly service?: string;
}

/** Opens a byte stream to an address; rejects when `options.signal` fires. */
export type DialFunction = (address: string, options: DialOptions) => Promise<ByteStream>;

/** Connectivity states of gRPC (doc/connectivity-semantics-and-api.md). */
export type ChannelState = "IDLE" | "CONNECTING" | "READY" | "TRANSIENT_FAILURE" | "SHUTDOWN";

/** Statistics of one address. */
export interface AddressStats {
  /** The address, in the address grammar. */
  readonly address: string;
  /** Connectivity state of this address alone. */
  readonly state: ChannelState;
  /** Failed dials since the last successful one. */
  readonly failures: number;
  /** Reason of the latest failed dial or lost connection. */
  readonly lastError?: string;
}

/** Statistics of one connection. */
export interface ConnectionStats {
  /** The address connected to. */
  readonly address: string;
  /** Phase of the connection; `unhealthy` is ready but failed its health check. */
  readonly state: "connecting" | "ready" | "unhealthy" | "draining";
  /** Calls in flight, batched calls included. */
  readonly activeCalls: number;
  /** Concurrent calls that the server allows. */
  readonly maxCalls: number;
  /** Calls started so far. */
  readonly callsStarted: number;
  /** Bytes queued for sending. */
  readonly bufferedBytes: number;
  /** Round-trip time of the latest health check, in ms. */
  readonly pingMs?: number;
  /** Time since dialling began, in ms. */
  readonly ageMs: number;
  /** What the server has proved about its machine and program (`attest` of `connect`). */
  readonly attestation?: Attestation;
}

/** Ranges of {@link HealthCheckOptions}. */
export const HEALTH_RANGES: Ranges<HealthCheckOptions> = {
  intervalMs: measured(1),
  timeoutMs: measured(1),
};

const MAX_CONNECTIONS = 1_024;
const DEFAULT_MAX_CONNECTIONS = 4;

/** Returns a pool size with its defaults. Throws RangeError if it is out of range. */
export function checkPoolSize(size: PoolSize): { min: number; max: number; shrinkAfterMs: number } {
  const range = typeof size === "number" ? { min: size, max: size } : size;
  const { min = 1, shrinkAfterMs = SHRINK_AFTER_MS }: { min?: number; shrinkAfterMs?: number } =
    range;
  const max = range.max ?? Math.max(min, DEFAULT_MAX_CONNECTIONS);
  const whole = Number.isInteger(min) && Number.isInteger(max);
  if (!whole || min < 1 || max < min || max > MAX_CONNECTIONS) {
    throw new RangeError(
      `Cannot use poolSize ${
        JSON.stringify(size)
      }: must be 1 to ${MAX_CONNECTIONS} connections, min at most max`,
    );
  }
  checkRange("poolSize.shrinkAfterMs", shrinkAfterMs, measured(1));
  return { min, max, shrinkAfterMs };
}
