/**
 * What a channel can be told, and what it tells.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import {
  checkOneOf,
  checkRange,
  checkRanges,
  measured,
  type Ranges,
  whole,
} from "../../limits/ranges.ts";
import { checkLeanOptions, type LeanChannelOptions } from "../../lean/options.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { DialOptions } from "../../transport/dial.ts";
import { checkTlsClientOptions } from "../../transport/tls.ts";
import type { Resolver } from "../../transport/resolve.ts";
import type { TlsClientOptions } from "../../transport/tls_options.ts";
import { BACKOFF_RANGES, type BackoffOptions } from "../pool/backoff.ts";
import type { BalancerPolicy } from "../pool/balancer.ts";
import type { CallObserver } from "../core/observer.ts";
import type { ServiceConfig } from "../client/service_config.ts";
import type { CallCredentials, Interceptor } from "../core/types.ts";

const SHRINK_AFTER_MS = 10_000;

/** The default of {@link ChannelOptions.connectTimeoutMs}, in ms. */
export const CONNECT_TIMEOUT_MS = 20_000;

/**
 * Options of a channel. Times are ms, sizes are bytes; every one has a default. Where nothing else is said, times are
 * 1 or more, Infinity for never.
 */
export interface ChannelOptions extends BackoffOptions {
  /** The protocol spoken. Default `grpc`. */
  wire?: "grpc" | "lean";
  /** Limits of lean connections, for channels that speak lean. Default: each its own. */
  lean?: LeanChannelOptions;
  /** Speak TLS; true for the defaults. Default: plain. */
  tls?: TlsClientOptions | true;
  /**
   * Connections to each address: a fixed number, or from `min` to `max` of them: one more whenever all are at
   * their stream limit, one less when one was without calls for `shrinkAfterMs` (default 10,000).
   * Default `{ min: 1, max: 4 }`.
   */
  poolSize?: PoolSize;
  /**
   * How calls are spread; see `BalancerPolicy`. Default: `least_request` over several addresses given as such,
   * else `pick_first`. With `round_robin` or `least_request` named here or in the service config, a name is
   * resolved to all of its addresses.
   */
  balancer?: BalancerPolicy;
  /** Turns names into addresses. Default: the system's DNS. */
  resolver?: Resolver;
  /** The least time between two resolutions of the target, 0 or more. Default 30,000 (gRPC's). */
  minResolveIntervalMs?: number;
  /** How long a call may take, where neither call nor service config says less; 0 or more. Default: no limit. */
  timeoutMs?: number;
  /** Wrap every call; the first is the outermost. */
  interceptors?: readonly Interceptor[];
  /** Watches every attempt, for metrics. Default: nobody. */
  observer?: CallObserver;
  /** Compress request messages with gzip. Default false. */
  compress?: boolean;
  /**
   * The largest message taken from a server, in bytes, after decompression; 0 or more, Infinity for no limit. Default 4
   * MiB.
   */
  maxReceiveMessageBytes?: number;
  /** The largest message sent, in bytes, before compression; 0 or more. Default: no limit. */
  maxSendMessageBytes?: number;
  /** Whether calls wait while there is no connection, instead of failing. Default false. */
  waitForReady?: boolean;
  /** gRPC's service config, as an object or as JSON text: retries, hedging, timeouts, balancing. */
  serviceConfig?: ServiceConfig | string;
  /** Gather small unary calls into batches, where the server knows how. Default: off. */
  batch?: BatchOptions | boolean;
  /** The `:authority` of calls: a host, and a port if need be. Default: from the address. */
  authority?: string;
  /** The `user-agent`, printable ASCII. Default `vrpc`. */
  userAgent?: string;
  /** Adds metadata that authenticates each call. Needs TLS, unless `allowInsecureCredentials`. */
  credentials?: CallCredentials;
  /** Send credentials over connections without TLS as well. Default false. */
  allowInsecureCredentials?: boolean;
  /** How long connecting may take, TLS and the first settings included. Default 20,000 (gRPC's). */
  connectTimeoutMs?: number;
  /** Close all connections after this long without a call; the next call connects again. Default 1,800,000 (gRPC's). */
  idleTimeoutMs?: number;
  /** Silence on a connection with calls after which a ping is sent; less than 10,000 counts as that. Default: never. */
  keepaliveTimeMs?: number;
  /** How long the answer to that ping may take before the connection is given up. Default 20,000. */
  keepaliveTimeoutMs?: number;
  /** Also ping without calls. Default false; gRPC servers may object. */
  keepaliveWithoutCalls?: boolean;
  /** Check every connection in the background. Default: off. */
  healthCheck?: HealthCheckOptions;
  /**
   * Calls that may wait for a connection or a free stream at once; more get RESOURCE_EXHAUSTED. 0 or more. Default
   * 65,536.
   */
  maxQueuedCalls?: number;
  /** Makes the byte streams in place of the built-in transports, for streams of your own. */
  dial?: DialFunction;
  /** For tests in virtual time. @internal */
  internals?: ChannelInternals;
}

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

/** When a batch is sent: at the end of the turn, or of `maxDelayMs`, or when it is full. */
export interface BatchOptions {
  /** Calls in a batch, 1 to 65,536. Default 256. */
  readonly maxCalls?: number;
  /** Bytes in a batch; a request larger than this goes on its own. 1 to 1,048,576. Default 65,536. */
  readonly maxBytes?: number;
  /** How long a call may wait for company, 0 to 60,000. Default 0: only for calls made in the same turn. */
  readonly maxDelayMs?: number;
}

/** Opens a byte stream to an address. */
export type DialFunction = (address: string, options: DialOptions) => Promise<ByteStream>;

/** What tests put in place of the runtime. */
export interface ChannelInternals {
  /** Time and timers. */
  readonly clock?: Clock;
  /** Numbers from 0 to below 1. */
  readonly random?: () => number;
}

/** gRPC's connectivity states. */
export type ChannelState = "IDLE" | "CONNECTING" | "READY" | "TRANSIENT_FAILURE" | "SHUTDOWN";

/** Figures of a channel; see `Channel.stats`. */
export interface ChannelStats {
  /** The state now. */
  readonly state: ChannelState;
  /** Calls that wait for a connection or a free stream. */
  readonly queuedCalls: number;
  /** Calls in flight on connections. */
  readonly activeCalls: number;
  /** Calls started on connections so far, each retry and hedge counted. */
  readonly callsStarted: number;
  /** Attempts beyond the first. */
  readonly retries: number;
  /** Calls that went in batches. */
  readonly batchedCalls: number;
  /** One entry per address. */
  readonly addresses: readonly AddressStats[];
  /** One entry per connection, those on their way included. */
  readonly connections: readonly ConnectionStats[];
}

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

const RANGES: Ranges<ChannelOptions> = {
  ...BACKOFF_RANGES,
  minResolveIntervalMs: measured(0),
  timeoutMs: measured(0),
  maxReceiveMessageBytes: whole(0, Infinity),
  maxSendMessageBytes: whole(0, Infinity),
  connectTimeoutMs: measured(1),
  idleTimeoutMs: measured(1),
  keepaliveTimeMs: measured(1),
  keepaliveTimeoutMs: measured(1),
  maxQueuedCalls: whole(0, Infinity),
};

const HEALTH_RANGES: Ranges<HealthCheckOptions> = {
  intervalMs: measured(1),
  timeoutMs: measured(1),
};

const BATCH_RANGES: Ranges<BatchOptions> = {
  maxCalls: whole(1, 65_536),
  maxBytes: whole(1, 1_048_576),
  maxDelayMs: measured(0, 60_000),
};

// RFC 3986 section 3.2 without user information, which HTTP/2 has no room for (RFC 9113 section 8.3.1).
const AUTHORITY = /^(?:\[[\w.:%~-]+\]|[\w.~%!$&'()*+,;=-]+)(?::\d{1,5})?$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** Throws RangeError for numbers out of range, and TypeError for what else no connection could work with. */
export function checkChannelOptions(options: ChannelOptions): void {
  const { wire = "grpc", lean, authority, userAgent, tls, poolSize, healthCheck, batch } = options;
  checkRanges(options, RANGES);
  checkOneOf("wire", wire, ["grpc", "lean"]);
  if (authority !== undefined && !AUTHORITY.test(authority)) {
    throw new TypeError(
      `Cannot use authority ${JSON.stringify(authority)}: it must be a host or host:port`,
    );
  }
  if (userAgent !== undefined && !PRINTABLE.test(userAgent)) {
    throw new TypeError(
      `Cannot use userAgent ${JSON.stringify(userAgent)}: it must be printable ASCII`,
    );
  }
  if (tls !== undefined && tls !== true) {
    if (typeof tls !== "object" || tls === null) {
      throw new TypeError(`Cannot use tls ${JSON.stringify(tls)}: it must be true or an object`);
    }
    checkTlsClientOptions(tls);
  }
  if (lean !== undefined) checkLeanOptions(lean);
  if (poolSize !== undefined) checkPoolSize(poolSize);
  if (healthCheck !== undefined) checkRanges(healthCheck, HEALTH_RANGES, "healthCheck.");
  if (typeof batch === "object") checkRanges(batch, BATCH_RANGES, "batch.");
}

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
