/**
 * Sizes, health checks and figures of a pool of connections.
 *
 * @module
 */

import { checkRange, measured, type Ranges } from "../../limits/ranges.ts";
import type { DialOptions } from "../../transport/dial.ts";
import type { ByteStream } from "../../transport/types.ts";

const SHRINK_AFTER_MS = 10_000;

/** A fixed number of connections, or a range. */
export type PoolSize = number | {
  /** At least this many, once the channel is used; 1 to 1,024. Default 1. */
  readonly min?: number;
  /** At most this many, `min` to 1,024. Default: `min`, or 4 if that is more. */
  readonly max?: number;
  /** How long a connection above `min` may be without calls, in ms; 1 or more. Default 10,000. */
  readonly shrinkAfterMs?: number;
};

/** Background checks of connections. */
export interface HealthCheckOptions {
  /** Time between checks of a connection; 1 or more. Default 10,000. */
  readonly intervalMs?: number;
  /** How long the answer may take, 1 or more; then the connection is closed. Default 5,000. */
  readonly timeoutMs?: number;
  /**
   * Ask `grpc.health.v1.Health/Check` for this service (empty for the server as a whole): a connection whose
   * server isn't SERVING gets no calls until it is. A server without that service counts as healthy. When not
   * given, any answer will do: to a ping (lean), or to such a call (gRPC, whose servers object to pings).
   */
  readonly service?: string;
}

/** Opens a byte stream to an address. */
export type DialFunction = (address: string, options: DialOptions) => Promise<ByteStream>;

/** gRPC's connectivity states. */
export type ChannelState = "IDLE" | "CONNECTING" | "READY" | "TRANSIENT_FAILURE" | "SHUTDOWN";

/** Figures of one address. */
export interface AddressStats {
  /** In the address grammar. */
  readonly address: string;
  /** Its own state. */
  readonly state: ChannelState;
  /** Failures to connect since the last success. */
  readonly failures: number;
  /** Why connecting or a connection failed last. */
  readonly lastError?: string;
}

/** Figures of one connection. */
export interface ConnectionStats {
  /** Where it goes. */
  readonly address: string;
  /** `connecting`, `ready`, `unhealthy` (by health check) or `draining`. */
  readonly state: "connecting" | "ready" | "unhealthy" | "draining";
  /** Calls in flight, batched ones included. */
  readonly activeCalls: number;
  /** How many streams the server takes at once. */
  readonly maxCalls: number;
  /** Calls started on it so far. */
  readonly callsStarted: number;
  /** Bytes queued in its engine. */
  readonly bufferedBytes: number;
  /** Round-trip time of the last health check in ms. */
  readonly pingMs?: number;
  /** How long it has been connected, in ms. */
  readonly ageMs: number;
}

/** Ranges of {@link HealthCheckOptions}. */
export const HEALTH_RANGES: Ranges<HealthCheckOptions> = {
  intervalMs: measured(1),
  timeoutMs: measured(1),
};

const MAX_CONNECTIONS = 1_024;
const DEFAULT_MAX_CONNECTIONS = 4;

/** Fills in defaults. Throws RangeError for sizes that can't be. */
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
      }: it must be 1 to ${MAX_CONNECTIONS} connections, min not above max`,
    );
  }
  checkRange("poolSize.shrinkAfterMs", shrinkAfterMs, measured(1));
  return { min, max, shrinkAfterMs };
}
