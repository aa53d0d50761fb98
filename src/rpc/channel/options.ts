/**
 * What a channel can be told, and what it tells.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { checkOneOf, checkRanges, measured, type Ranges, whole } from "../../limits/ranges.ts";
import { checkLeanOptions, type LeanChannelOptions } from "../../lean/options.ts";
import { checkTlsClientOptions } from "../../transport/tls.ts";
import type { Resolver } from "../../transport/resolve.ts";
import type { TlsClientOptions } from "../../transport/tls_options.ts";
import { BATCH_RANGES, type BatchOptions } from "../batch/options.ts";
import { BACKOFF_RANGES, type BackoffOptions } from "../pool/backoff.ts";
import type { BalancerPolicy } from "../pool/balancer.ts";
import {
  type AddressStats,
  type ChannelState,
  checkPoolSize,
  type ConnectionStats,
  type DialFunction,
  HEALTH_RANGES,
  type HealthCheckOptions,
  type PoolSize,
} from "../pool/options.ts";
import type { CallObserver } from "../core/observer.ts";
import type { ServiceConfig } from "../client/service_config.ts";
import type { CallCredentials, Interceptor } from "../core/types.ts";

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

/** What tests put in place of the runtime. */
export interface ChannelInternals {
  /** Time and timers. */
  readonly clock?: Clock;
  /** Numbers from 0 to below 1. */
  readonly random?: () => number;
}

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
