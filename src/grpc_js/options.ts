/**
 * Options of channels and servers under the names of grpc-js, and what they are here.
 *
 * @module
 */

import type { ServeOptions } from "../rpc/server/options.ts";
import type { ChannelOptions as NativeChannelOptions } from "../rpc/channel/options.ts";
import { type CompressionAlgorithms, LogVerbosity } from "./constants.ts";
import { log } from "./logging.ts";

/** Options of channels and servers. What is not listed has no effect, and is logged once. */
export interface ChannelOptions {
  /** Name that is sent (SNI) and that the server's certificate must contain. Default: the target's host. */
  "grpc.ssl_target_name_override"?: string;
  /** Text before this library's name in `user-agent`. */
  "grpc.primary_user_agent"?: string;
  /** Text after this library's name in `user-agent`. */
  "grpc.secondary_user_agent"?: string;
  /** The `:authority` of calls. Default: the target. */
  "grpc.default_authority"?: string;
  /** Silence after which a connection is pinged, in ms. Default never on a client, two hours on a server. */
  "grpc.keepalive_time_ms"?: number;
  /** Time for the answer to that ping, in ms. Default 20,000. */
  "grpc.keepalive_timeout_ms"?: number;
  /** 1: a client pings without calls too. Default 0. */
  "grpc.keepalive_permit_without_calls"?: number;
  /** gRPC's service config as JSON text. */
  "grpc.service_config"?: string;
  /** Calls of a connection at once. Default 10,000. */
  "grpc.max_concurrent_streams"?: number;
  /** Time to connect, TLS and the first settings included, in ms; 0 for no limit. Default 20,000. */
  "grpc.min_reconnect_backoff_ms"?: number;
  /** First wait before connecting again, in ms. Default 1,000. */
  "grpc.initial_reconnect_backoff_ms"?: number;
  /** Longest wait before connecting again, in ms. Default 120,000. */
  "grpc.max_reconnect_backoff_ms"?: number;
  /** No effect: each channel has connections of its own. */
  "grpc.use_local_subchannel_pool"?: number;
  /** Largest message sent, in bytes; -1 for no limit. Default -1. */
  "grpc.max_send_message_length"?: number;
  /** Largest message received, in bytes; -1 for no limit. Default 4 MiB. */
  "grpc.max_receive_message_length"?: number;
  /** Compression of requests. Default none. */
  "grpc.default_compression_algorithm"?: CompressionAlgorithms;
  /**
   * Bytes of replies that a channel holds until they are read, in MB; each reply counts 256 bytes more. Calls that need
   * more end with RESOURCE_EXHAUSTED. No effect on servers. Default 67.1.
   */
  "grpc-node.max_session_memory"?: number;
  /** No effect: there is no channelz. */
  "grpc.enable_channelz"?: number;
  /** Least time between two resolutions of the target, in ms. Default 30,000. */
  "grpc.dns_min_time_between_resolutions_ms"?: number;
  /** 0: ignores the retry policies of the service config. Default 1. */
  "grpc.enable_retries"?: number;
  /** Age at which a server drains a connection, in ms. Default never. */
  "grpc.max_connection_age_ms"?: number;
  /** Time for open calls after that, in ms. Default unlimited. */
  "grpc.max_connection_age_grace_ms"?: number;
  /** Time without calls after which a server closes a connection, in ms. Default never. */
  "grpc.max_connection_idle_ms"?: number;
  /** Time without calls after which a client closes its connections, in ms; 1,000 or more. Default 1,800,000. */
  "grpc.client_idle_timeout_ms"?: number;
  /** No effect: service configs come from `grpc.service_config` alone. */
  "grpc.service_config_disable_resolution"?: number;
  /** Any other option. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  [key: string]: any;
}

const SHARED = [
  "grpc.keepalive_time_ms",
  "grpc.keepalive_timeout_ms",
  "grpc.max_receive_message_length",
  "grpc.max_send_message_length",
  "grpc-node.max_session_memory",
  // Known to grpc-js, and without effect here.
  "grpc.enable_channelz",
  "grpc.use_local_subchannel_pool",
  "grpc.service_config_disable_resolution",
];
const CLIENT = new Set([
  ...SHARED,
  "grpc.ssl_target_name_override",
  "grpc.primary_user_agent",
  "grpc.secondary_user_agent",
  "grpc.default_authority",
  "grpc.keepalive_permit_without_calls",
  "grpc.service_config",
  "grpc.min_reconnect_backoff_ms",
  "grpc.initial_reconnect_backoff_ms",
  "grpc.max_reconnect_backoff_ms",
  "grpc.default_compression_algorithm",
  "grpc.dns_min_time_between_resolutions_ms",
  "grpc.enable_retries",
  "grpc.client_idle_timeout_ms",
]);
const SERVER = new Set([
  ...SHARED,
  "grpc.max_concurrent_streams",
  "grpc.max_connection_age_ms",
  "grpc.max_connection_age_grace_ms",
  "grpc.max_connection_idle_ms",
]);

/** Options that were already logged. */
const warned = new Set<string>();

function warnOfUnknown(side: "channels" | "servers", options: ChannelOptions): void {
  const known = side === "channels" ? CLIENT : SERVER;
  for (const name of Object.keys(options)) {
    if (!name.startsWith("grpc") || known.has(name) || warned.has(`${side} ${name}`)) continue;
    warned.add(`${side} ${name}`);
    log(LogVerbosity.ERROR, `Option ${name} has no effect on ${side} of @vrpc/vrpc/grpc-js`);
  }
}

/** Largest number that grpc-js's timers take; it means never. */
const NEVER = 0x7fffffff;
const MAX_MESSAGE_BYTES = 0x7fffffff;
// node:http2's default of maxHeaderListSize.
const HEADER_LIST_BYTES = 65_535;
// grpc-js sets no limit; this one bounds what a single connection can make the server hold.
const MAX_CONCURRENT_STREAMS = 10_000;
const MIN_IDLE_MS = 1_000;
const IDLE_MS = 1_800_000;
const DEFLATE: CompressionAlgorithms.deflate = 1;

/** Converts a time: undefined stays undefined, negative and very large ones mean never. */
function time(ms: number | undefined, least = 1): number | undefined {
  if (ms === undefined) return undefined;
  return ms < 0 || ms >= NEVER ? Infinity : Math.max(ms, least);
}

/** Converts the time to connect, which gRPC calls the shortest time between two attempts. */
function connectTimeout(ms: number | undefined): number | undefined {
  const limited = ms === undefined || (ms > 0 && ms < NEVER);
  return limited ? time(ms) : NEVER;
}

function size(bytes: number | undefined, unlimited: number): number | undefined {
  if (bytes === undefined) return undefined;
  return bytes < 0 ? unlimited : bytes;
}

/** Leaves out what is undefined, because the options of a channel and a server have no undefined numbers. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}

/** Returns the largest message that may be sent, in bytes. */
export function maxSendBytes(options: ChannelOptions): number {
  return size(options["grpc.max_send_message_length"], Infinity) ?? Infinity;
}

/** Returns the time without calls after which the connections of a channel are closed, in ms. */
export function idleTimeoutMs(options: ChannelOptions): number {
  return time(options["grpc.client_idle_timeout_ms"], MIN_IDLE_MS) ?? IDLE_MS;
}

/** Converts the options of a channel. Throws for a service config that is not valid. */
export function channelOptions(options: ChannelOptions): NativeChannelOptions {
  warnOfUnknown("channels", options);
  const compression = options["grpc.default_compression_algorithm"];
  const { config, balances } = serviceConfig(options);
  const initialBackoffMs = time(options["grpc.initial_reconnect_backoff_ms"]);
  const maxBackoffMs = time(options["grpc.max_reconnect_backoff_ms"], initialBackoffMs);
  return defined<NativeChannelOptions>({
    authority: options["grpc.default_authority"],
    userAgent: userAgent(options),
    keepaliveTimeMs: time(options["grpc.keepalive_time_ms"]),
    keepaliveTimeoutMs: time(options["grpc.keepalive_timeout_ms"]),
    keepaliveWithoutCalls: Boolean(options["grpc.keepalive_permit_without_calls"]),
    serviceConfig: config,
    balancer: balances ? undefined : "pick_first",
    connectTimeoutMs: connectTimeout(options["grpc.min_reconnect_backoff_ms"]),
    initialBackoffMs,
    maxBackoffMs,
    maxSendMessageBytes: maxSendBytes(options),
    maxReceiveMessageBytes: size(options["grpc.max_receive_message_length"], MAX_MESSAGE_BYTES),
    compress: Boolean(compression),
    encodings: [compression === DEFLATE ? "deflate" : "gzip"],
    minResolveIntervalMs: time(options["grpc.dns_min_time_between_resolutions_ms"], 0),
    // The channel has a timer of its own, which runs from the end of its last call.
    idleTimeoutMs: Infinity,
    // grpc-js has one connection for each address.
    poolSize: 1,
    limits: { maxHeaderListBytes: HEADER_LIST_BYTES, ...heldReplies(options) },
  });
}

/** Returns the bound of replies that wait to be read, if the options have one. */
function heldReplies(options: ChannelOptions): { maxBufferedBytes?: number } {
  const megabytes = options["grpc-node.max_session_memory"];
  if (megabytes === undefined) return {};
  return { maxBufferedBytes: Math.max(1, Math.floor(megabytes * 1e6)) };
}

function userAgent(options: ChannelOptions): string {
  return [options["grpc.primary_user_agent"], "vrpc", options["grpc.secondary_user_agent"]]
    .filter((part) => part).join(" ");
}

interface ConfigJson {
  loadBalancingConfig?: unknown;
  loadBalancingPolicy?: unknown;
  methodConfig?: Record<string, unknown>[];
}

/** Returns the service config, and whether it chooses a load balancing policy. */
function serviceConfig(
  options: ChannelOptions,
): { config: NativeChannelOptions["serviceConfig"]; balances: boolean } {
  const text = options["grpc.service_config"];
  if (text === undefined) return { config: undefined, balances: false };
  const json = JSON.parse(text) as ConfigJson;
  for (const method of json.methodConfig ?? []) {
    if (method.timeout !== undefined) method.timeout = durationText(method.timeout);
  }
  if (options["grpc.enable_retries"] === 0) {
    for (const method of json.methodConfig ?? []) delete method.retryPolicy;
  }
  const balances = Array.isArray(json.loadBalancingConfig) && json.loadBalancingConfig.length > 0 ||
    typeof json.loadBalancingPolicy === "string";
  return { config: json as NativeChannelOptions["serviceConfig"], balances };
}

/** Returns a duration as the service config has it: grpc-js takes an object of seconds and nanos as well. */
function durationText(duration: unknown): unknown {
  if (typeof duration !== "object" || duration === null) return duration;
  const { seconds = 0, nanos = 0 } = duration as { seconds?: number; nanos?: number };
  return `${(Number(seconds) + nanos / 1e9).toFixed(9)}s`;
}

/** Converts the options of a server. */
export function serveOptions(options: ChannelOptions): ServeOptions {
  warnOfUnknown("servers", options);
  return defined<ServeOptions>({
    keepaliveTimeMs: time(options["grpc.keepalive_time_ms"]),
    keepaliveTimeoutMs: time(options["grpc.keepalive_timeout_ms"]),
    maxConnectionIdleMs: time(options["grpc.max_connection_idle_ms"]),
    maxConnectionAgeMs: time(options["grpc.max_connection_age_ms"]),
    maxConnectionAgeGraceMs: time(options["grpc.max_connection_age_grace_ms"], 0),
    maxReceiveMessageBytes: size(options["grpc.max_receive_message_length"], MAX_MESSAGE_BYTES),
    encodings: ["gzip", "deflate"],
    limits: {
      maxConcurrentStreams: Math.min(
        options["grpc.max_concurrent_streams"] ?? MAX_CONCURRENT_STREAMS,
        NEVER,
      ),
      maxHeaderListBytes: HEADER_LIST_BYTES,
      // Servers of grpc-js accept pings at any rate.
      minPingIntervalMs: 0,
      permitPingWithoutCalls: true,
    },
  });
}
