/**
 * Options of a channel, and its statistics.
 *
 * @module
 */

import { type Encoding, ENCODINGS } from "../../call/encodings.ts";
import type { AttestationPolicy, Attester } from "../../attestation/types.ts";
import { checkAttest } from "./attest_option.ts";
import { checkAuthority, checkUserAgent } from "./header_options.ts";
import { checkEncodings } from "../core/encodings_option.ts";
import {
  CHANNEL_LIMIT_RANGES,
  type ChannelLimits,
  LIFETIME_DEFAULTS,
  LIFETIME_RANGES,
  MAX_RECEIVE_MESSAGE_BYTES,
} from "../../limits/connection_limits.ts";
import {
  checkFunctions,
  checkNames,
  checkOneOf,
  checkRanges,
  type Defaults,
  measured,
  type Ranges,
  whole,
} from "../../limits/ranges.ts";
import type { Version1Loss } from "../../lean/options.ts";
import { checkProxy } from "../../transport/proxy.ts";
import { checkTlsClientOptions } from "../../transport/tls.ts";
import type { Resolver } from "../../transport/resolve.ts";
import type { TlsClientOptions } from "../../transport/tls_options.ts";
import { currentTls, type TlsWatch } from "../../transport/tls_watch.ts";
import { BATCH_RANGES, type BatchOptions } from "../batch/options.ts";
import { BACKOFF_RANGES, INITIAL_BACKOFF_MS, MAX_BACKOFF_MS } from "../pool/backoff.ts";
import type { BalancerPolicy } from "../balancer/registry.ts";
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
import type { ServiceConfig } from "../resolver/service_config.ts";
import type { CallCredentials, Interceptor } from "../core/types.ts";

/**
 * Options of {@link connect}. Times are in ms, Infinity for never; sizes are in bytes. An unknown name is a TypeError, a
 * number out of its range a RangeError.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 *
 * await using channel = connect("dns:///orders.example:50051", {
 *   tls: true,
 *   balancer: "round_robin",
 *   timeoutMs: 2_000,
 *   limits: { maxHeaderListBytes: 32 * 1024 },
 * });
 * ```
 *
 * @category Client
 */
export interface ChannelOptions {
  /** Protocol spoken. `"connect"` and `"grpc-web"` are those of browsers and of servers behind web proxies. Default `"grpc"`. */
  wire?: "grpc" | "lean" | "connect" | "grpc-web";
  /**
   * Version of HTTP under Connect and gRPC-Web. Over `"1.1"` each connection carries one call at a time, and methods
   * whose requests and replies overlap need a server that answers before the request has ended. Neither version is
   * upgraded to the other. Default `"2"`.
   */
  httpVersion?: "1.1" | "2";
  /**
   * Format of the messages of typed clients, and the content type of all calls: protobuf's binary format, or ProtoJSON,
   * which people and tools can read. Not on the lean wire. Default `"proto"`.
   */
  codec?: "proto" | "json";
  /**
   * Whether unary Connect calls of methods with `idempotency_level = NO_SIDE_EFFECTS` are sent as GET, which browsers and
   * proxies may cache. Requests beyond 8,000 characters are sent as POST. Default false.
   */
  useHttpGet?: boolean;
  /**
   * Whether a lean server that does not answer the hello with its own is used in version 1, which has neither metadata nor
   * deadlines. Calls with metadata (credentials are some) or a deadline then fail with UNIMPLEMENTED, unless what they
   * lose is named, alone or in a list: `"without_metadata"` sends calls without their metadata, `"without_deadlines"`
   * enforces deadlines on this side alone. Default false: the connection fails.
   */
  allowVersion1?: boolean | Version1Loss | readonly Version1Loss[];
  /** TLS: true for its defaults, its options, or `watchTls` of files. Default none: plain text. */
  tls?: TlsClientOptions | TlsWatch | true;
  /**
   * Policy for the attestation of servers: each connection is used only after its server has proved itself, bound to the
   * TLS connection. Without `tls`, a connection then has TLS whose key the document proves, not a certificate. Wires
   * `grpc` and `lean`. Default none.
   */
  attest?: AttestationPolicy;
  /** Proves this client to servers that ask for it (`attestPeers`); needs `attest`. Default none. */
  attestation?: Attester;
  /** Largest message accepted from a server, in bytes, after decompression. 0 or more. Default 4 MiB (gRPC's). */
  maxReceiveMessageBytes?: number;
  /** Largest message sent, in bytes, before compression. 0 or more. Default Infinity. */
  maxSendMessageBytes?: number;
  /** Time for a call, unless the call or the service config sets less. 0 or more. Default Infinity. */
  timeoutMs?: number;
  /** Whether calls wait while there is no connection, instead of failing. Default false. */
  waitForReady?: boolean;
  /** gRPC's service config, as an object or as JSON text: retries, hedging, timeouts, balancing. Default none. */
  serviceConfig?: ServiceConfig | string;
  /** Interceptors around every call, the first outermost. Default none. */
  interceptors?: readonly Interceptor[];
  /** Observer of every attempt, for metrics. Default none. */
  observer?: CallObserver;
  /**
   * Whether failures of observers, callbacks and other hooks are printed by `console.error` while LogTape is not
   * configured for `["vrpc", "client"]`; at most 100 a second. With LogTape they are always logged. Default true.
   */
  printFailures?: boolean;
  /** Adds metadata that authenticates each call. Needs TLS, unless `allowInsecureCredentials`. Default none. */
  credentials?: CallCredentials;
  /** Whether credentials are sent over connections without TLS as well. Default false. */
  allowInsecureCredentials?: boolean;
  /** Whether request messages are compressed. Default false. */
  compress?: boolean;
  /**
   * Compressions that replies may have, by preference; requests are compressed with the first. The lean wire has gzip
   * only. `"deflate"` and `"br"` are for servers that you trust: bombs of the first take 8 ms each, messages of 4 MiB in
   * many blocks of the second 0.2 s, and with Deno 2.9.6 corrupt ones leak memory. Default `["gzip", "zstd", "snappy"]`.
   */
  encodings?: readonly Encoding[];
  /** Gathers small unary calls into batches, where the server supports it; gRPC only. Default false. */
  batch?: BatchOptions | boolean;
  /** The `:authority` of calls: a host, with or without a port. Default from the address. */
  authority?: string;
  /** The `user-agent`, printable ASCII. Default `"vrpc"`. */
  userAgent?: string;
  /**
   * Connections to each address: a fixed number, or a range in which one is added when all are at their stream limit,
   * and one without calls for `shrinkAfterMs` is closed. Default `{ min: 1, max: 4 }`; over HTTP/1.1, whose connections
   * carry one call at a time, `{ min: 1, max: 100 }`.
   */
  poolSize?: PoolSize;
  /**
   * Policy that spreads calls: its name, or an object of its name and configuration as in `loadBalancingConfig`. With a
   * policy other than `pick_first`, given here or in the service config, a name is resolved to all of its addresses. Default
   * `least_request` over a list of addresses, otherwise `pick_first`.
   */
  balancer?: BalancerPolicy | Readonly<Record<string, unknown>>;
  /**
   * Proxy of HTTP through which TCP targets are reached, by CONNECT; it resolves their names. Its URL, with user and password
   * if it needs them, or true for that of the environment: `grpc_proxy`, `https_proxy` or `http_proxy`, except for the hosts
   * in `no_grpc_proxy` or `no_proxy`. Default false.
   */
  proxy?: string | boolean;
  /** Resolves host names to addresses. Default the system's DNS. */
  resolver?: Resolver;
  /**
   * Whether the service config of a target that is one DNS name is looked up in its TXT record (gRPC A2), together with its
   * addresses. The DNS server of the name then sets timeouts, retries and balancing. Not with `resolver`. Default false.
   */
  dnsServiceConfig?: boolean;
  /** Least time between two resolutions of the target. 0 or more. Default 30,000 (gRPC's). */
  minResolveIntervalMs?: number;
  /**
   * Time to connect, TLS and the first settings included, and time for each resolution of the target. 1 or more.
   * Default 20,000 (gRPC's).
   */
  connectTimeoutMs?: number;
  /** First wait before connecting again; later ones grow by 1.6. 1 to 2³¹−1. Default 1,000 (gRPC's). */
  initialBackoffMs?: number;
  /** Longest wait, not below `initialBackoffMs`. 1 to 2³¹−1. Default 120,000 (gRPC's), or `initialBackoffMs` if longer. */
  maxBackoffMs?: number;
  /** Time without calls after which all connections are closed, until the next call. 1 or more. Default 1,800,000 (gRPC's). */
  idleTimeoutMs?: number;
  /**
   * Silence on a connection with calls after which it is pinged; less than 10,000 counts as 10,000 (gRPC A8).
   * 1 or more. Default Infinity.
   */
  keepaliveTimeMs?: number;
  /** Time for the answer to that ping before the connection is closed. 1 or more. Default 20,000. */
  keepaliveTimeoutMs?: number;
  /** Whether connections without calls are pinged too; gRPC servers may object. Default false. */
  keepaliveWithoutCalls?: boolean;
  /** Background checks of every connection. Default none. */
  healthCheck?: HealthCheckOptions;
  /**
   * Calls that may wait for a connection or a free stream; more end with RESOURCE_EXHAUSTED. 0 or more.
   * Default 65,536.
   */
  maxQueuedCalls?: number;
  /** Opens byte streams in place of the built-in transports. Default none. */
  dial?: DialFunction;
  /** Limits against overload and abuse, the same for both wires. Default each limit's own. */
  limits?: ChannelLimits;
}

/**
 * Statistics of a channel; see `Channel.stats`.
 *
 * @category Client
 */
export interface ChannelStats {
  /** Connectivity state. */
  readonly state: ChannelState;
  /** Calls that wait for a connection or a free stream. */
  readonly queuedCalls: number;
  /** Calls in flight on connections. */
  readonly activeCalls: number;
  /** Calls started on connections so far, retries and hedges included. */
  readonly callsStarted: number;
  /** Attempts beyond the first. */
  readonly retries: number;
  /** Calls sent in batches. */
  readonly batchedCalls: number;
  /** One entry per address. */
  readonly addresses: readonly AddressStats[];
  /** One entry per connection, those being made included. */
  readonly connections: readonly ConnectionStats[];
}

/** Default of {@link ChannelOptions.connectTimeoutMs}. */
export const CONNECT_TIMEOUT_MS = 20_000;

/** Default of {@link ChannelOptions.idleTimeoutMs}. */
export const IDLE_TIMEOUT_MS = 1_800_000;

/** Default of {@link ChannelOptions.minResolveIntervalMs}. */
export const RESOLVE_INTERVAL_MS = 30_000;

/** Default of {@link ChannelOptions.maxQueuedCalls}. */
export const MAX_QUEUED_CALLS = 65_536;

/** Default of {@link ChannelOptions.poolSize}. */
export const DEFAULT_POOL_SIZE: PoolSize = { min: 1, max: 4 };

/** Default of {@link ChannelOptions.poolSize} over HTTP/1.1. */
export const HTTP1_POOL_SIZE: PoolSize = { min: 1, max: 100 };

/** Default of {@link ChannelOptions.userAgent}. */
export const USER_AGENT = "vrpc";

/** Defaults of {@link ChannelOptions}. */
export const CHANNEL_DEFAULTS: Defaults<ChannelOptions> = {
  wire: "grpc",
  httpVersion: "2",
  codec: "proto",
  useHttpGet: false,
  allowVersion1: false,
  tls: undefined,
  attest: undefined,
  attestation: undefined,
  maxReceiveMessageBytes: MAX_RECEIVE_MESSAGE_BYTES,
  maxSendMessageBytes: Infinity,
  timeoutMs: Infinity,
  waitForReady: false,
  serviceConfig: undefined,
  interceptors: undefined,
  observer: undefined,
  printFailures: true,
  credentials: undefined,
  allowInsecureCredentials: false,
  compress: false,
  encodings: ENCODINGS,
  batch: false,
  authority: undefined,
  userAgent: USER_AGENT,
  poolSize: DEFAULT_POOL_SIZE,
  balancer: undefined,
  proxy: false,
  resolver: undefined,
  dnsServiceConfig: false,
  minResolveIntervalMs: RESOLVE_INTERVAL_MS,
  connectTimeoutMs: CONNECT_TIMEOUT_MS,
  initialBackoffMs: INITIAL_BACKOFF_MS,
  maxBackoffMs: MAX_BACKOFF_MS,
  idleTimeoutMs: IDLE_TIMEOUT_MS,
  keepaliveTimeMs: LIFETIME_DEFAULTS.keepaliveTimeMs,
  keepaliveTimeoutMs: LIFETIME_DEFAULTS.keepaliveTimeoutMs,
  keepaliveWithoutCalls: LIFETIME_DEFAULTS.keepaliveWithoutCalls,
  healthCheck: undefined,
  maxQueuedCalls: MAX_QUEUED_CALLS,
  dial: undefined,
  limits: undefined,
};

/** Ranges of {@link ChannelOptions}. */
export const CHANNEL_RANGES: Ranges<ChannelOptions> = {
  maxReceiveMessageBytes: whole(0, Infinity),
  maxSendMessageBytes: whole(0, Infinity),
  timeoutMs: measured(0),
  minResolveIntervalMs: measured(0),
  connectTimeoutMs: measured(1),
  initialBackoffMs: BACKOFF_RANGES.initialBackoffMs,
  maxBackoffMs: BACKOFF_RANGES.maxBackoffMs,
  idleTimeoutMs: measured(1),
  keepaliveTimeMs: LIFETIME_RANGES.keepaliveTimeMs,
  keepaliveTimeoutMs: LIFETIME_RANGES.keepaliveTimeoutMs,
  maxQueuedCalls: whole(0, Infinity),
};

/** Throws TypeError for unknown names and values of the wrong kind, and RangeError for numbers out of range. */
export function checkChannelOptions(options: ChannelOptions): void {
  checkOptionNames(options);
  const { wire = "grpc", limits, authority, userAgent, poolSize, healthCheck, batch } = options;
  const tls = currentTls(options.tls);
  checkRanges(options, CHANNEL_RANGES);
  checkOneOf("wire", wire, ["grpc", "lean", "connect", "grpc-web"]);
  checkWireOptions(options);
  checkEncodings(options.encodings);
  const { allowVersion1 = false } = options;
  if (typeof allowVersion1 !== "boolean") {
    for (const loss of [allowVersion1].flat()) {
      checkOneOf("allowVersion1", loss, ["without_metadata", "without_deadlines"]);
    }
  }
  checkAuthority(authority);
  checkUserAgent(userAgent);
  if (tls !== undefined && tls !== true) {
    if (typeof tls !== "object" || tls === null) {
      throw new TypeError(`Cannot use tls ${JSON.stringify(tls)}: it must be true or an object`);
    }
    checkTlsClientOptions(tls);
  }
  checkAttest(options);
  checkProxy(options.proxy);
  checkHooks(options);
  if (limits !== undefined) checkRanges(limits, CHANNEL_LIMIT_RANGES, "limits.");
  if (poolSize !== undefined) checkPoolSize(poolSize);
  if (healthCheck !== undefined) checkRanges(healthCheck, HEALTH_RANGES, "healthCheck.");
  if (typeof batch === "object") checkRanges(batch, BATCH_RANGES, "batch.");
}

/** Throws TypeError for options that another wire has. */
function checkWireOptions(options: ChannelOptions): void {
  const { wire = "grpc", httpVersion = "2", codec = "proto", useHttpGet = false, batch } = options;
  checkOneOf("httpVersion", httpVersion, ["1.1", "2"]);
  checkOneOf("codec", codec, ["proto", "json"]);
  const refuse = (option: string, where: string) => {
    throw new TypeError(`Cannot use ${option} with the ${wire} wire: only ${where}`);
  };
  if (httpVersion === "1.1" && !isWeb(wire)) {
    refuse('httpVersion "1.1"', "Connect and gRPC-Web have it");
  }
  if (codec === "json" && wire === "lean") {
    refuse('codec "json"', "gRPC, Connect and gRPC-Web have it");
  }
  if (useHttpGet && wire !== "connect") refuse("useHttpGet", "Connect supports it");
  if (batch && wire !== "grpc") refuse("batch", "gRPC supports it");
}

/** Whether a wire is Connect or gRPC-Web, which both versions of HTTP carry. */
export function isWeb(wire: ChannelOptions["wire"]): wire is "connect" | "grpc-web" {
  return wire === "connect" || wire === "grpc-web";
}

/** Throws TypeError for a hook that is not a function: it would fail at each call. */
function checkHooks(options: ChannelOptions): void {
  checkFunctions("interceptors", options.interceptors ?? []);
  const { credentials, resolver, dial, observer } = options;
  for (const [name, value] of Object.entries({ credentials, resolver, dial })) {
    if (value !== undefined) checkFunctions(name, [value]);
  }
  if (observer !== undefined) checkFunctions("observer.started", [observer?.started]);
}

function checkOptionNames(options: ChannelOptions): void {
  const names = Object.keys(CHANNEL_DEFAULTS);
  // CHANNEL_LIMIT_RANGES names all limits, because each limit of a channel is a number.
  const limitNames = Object.keys(CHANNEL_LIMIT_RANGES);
  checkNames("connect", options, CHANNEL_DEFAULTS, [
    ...names,
    ...limitNames.map((name) => `limits.${name}`),
  ]);
  const { limits, healthCheck, batch, poolSize } = options;
  if (limits !== undefined) {
    checkNames("limits of connect", limits, CHANNEL_LIMIT_RANGES, [...limitNames, ...names]);
  }
  if (healthCheck !== undefined) {
    checkNames("healthCheck", healthCheck, { ...HEALTH_RANGES, service: undefined });
  }
  if (typeof batch === "object") checkNames("batch", batch, BATCH_RANGES);
  if (typeof poolSize === "object") {
    checkNames("poolSize", poolSize, { min: undefined, max: undefined, shrinkAfterMs: undefined });
  }
}
