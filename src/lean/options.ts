/**
 * Settings and limits of a lean connection. Every limit is finite and named.
 *
 * @module
 */

import type { MemoryPool } from "../limits/memory_pool.ts";
import { checkRanges, measured, type Ranges, whole } from "../limits/ranges.ts";
import { HTTP2_RANGES } from "../http2/options.ts";

/**
 * Settings and limits of one lean connection, for either side. Times are ms, sizes are bytes. Where nothing else is
 * said, counts and sizes are whole numbers from 1 to 2³¹−1, and times are 1 or more, Infinity for never.
 */
export interface LeanOptions {
  /**
   * Server: how many calls a client may have at once, until reply and handler have ended. Client: how many it has at
   * once on a version-1 connection, which says nothing of it. Default 128.
   */
  maxConcurrentStreams: number;
  /** The largest message taken, 0 or more. Default 4 MiB (gRPC's). On a client each call says its own. */
  maxReceiveMessageBytes: number;
  /** Bytes of unfinished messages that one connection may hold, 0 or more, Infinity for no bound. Default 16 MiB. */
  maxAssemblyBytes: number;
  /** What all connections may hold in unfinished and waiting messages together. Default: no common bound. */
  memory: MemoryPool | undefined;
  /** Bytes of messages the peer may send per call ahead of credit, 1,024 to 2³¹−1. Default 128 KiB. */
  callWindowBytes: number;
  /** The longest value of one frame taken after the hello, 16 KiB to 1 MiB. Default 64 KiB. */
  maxValueBytes: number;
  /**
   * Longer messages are sent in pieces of this size, so that calls share the connection; 512 to 1 MiB. Default 64 KiB.
   */
  fragmentBytes: number;
  /** The longest route taken, 16 to 65,535. Default 1,024. */
  maxRouteBytes: number;
  /** Server: how many routes per connection get a number, 0 to 256. Default 64. */
  maxRoutes: number;
  /** The largest block of metadata taken, 32 bytes counted on top of each pair; 1 KiB to 1 MiB. Default 16 KiB. */
  maxHeaderListBytes: number;
  /** The most metadata pairs taken with one frame, 16 to 10,000. Default 128. */
  maxHeaderFields: number;
  /** Queued bytes of one call, and 256 a message, above which its sender is asked to wait. Default 64 KiB. */
  sendBufferBytes: number;
  /** Queued bytes of all calls above which every sender is asked to wait and new calls are refused. Default 16 MiB. */
  maxSendBufferBytes: number;
  /**
   * Bytes framed ahead of the socket, 1 KiB or more. A server with eight times as many to send reads nothing. Default
   * 128 KiB.
   */
  maxOutputBytes: number;
  /** Unsent control frames at which reading pauses. Default 100. */
  pauseControlFrames: number;
  /** Unsent control frames at which the connection is closed. Default 1,000. */
  maxControlFrames: number;
  /**
   * Bucket of cancels and refusals that a peer may cause, then goodbye 4. A server reads up to 5 s later from a client
   * that has more calls refused or broken with less than half of it left. Default 1,000 (nghttp2's for resets).
   */
  resetBurst: number;
  /** How fast that bucket fills, per second; 0 to 2³¹−1. Default 33 (nghttp2's). */
  resetsPerSecond: number;
  /** Bucket of frames that are good for nothing. Default 10,000. */
  overheadBurst: number;
  /** How fast that bucket fills, per second; 0 to 2³¹−1. Default 1,000. */
  overheadPerSecond: number;
  /** How long the peer may take for its hello (server: for its first frame). Default 5,000. */
  prefaceTimeoutMs: number;
  /**
   * How long output, a half-received frame, or (server) a complete reply without credit may stand still; that
   * ten times as long on a connection that moves. Default 30,000.
   */
  stallTimeoutMs: number;
  /**
   * Silence after which a ping is sent; Infinity for never. Default Infinity (client), 2 h (server). A client's is at
   * least 10,000.
   */
  keepaliveTimeMs: number;
  /** How long the answer to that ping may take. Default 20,000. */
  keepaliveTimeoutMs: number;
  /** Whether a client pings without open calls. Default false. */
  keepaliveWithoutCalls: boolean;
  /**
   * Server: the least time between a client's pings (gRPC A8); calls in between forgive. 0 or more. Default 300,000.
   */
  minPingIntervalMs: number;
  /** Server: pings without open calls are bad unless this is true. Default false. */
  permitPingWithoutCalls: boolean;
  /**
   * Server, to version-1 peers: how long a streamed message may wait to learn whether it is the last, 0 or more.
   * Default 10.
   */
  v1FinalMessageDelayMs: number;
  /** Server: how long a drained connection waits for the client to hang up, 0 or more. Default 1,000. */
  lingerMs: number;
  /** Server: close a connection without calls after this time. Default Infinity. */
  maxConnectionIdleMs: number;
  /** Server: drain a connection of this age. Default Infinity. */
  maxConnectionAgeMs: number;
  /** Server: how long calls may go on after the drain for age, 0 or more. Default Infinity. */
  maxConnectionAgeGraceMs: number;
}

/**
 * What `serve` may be told about its lean connections alone: what only they have, and the two options whose defaults
 * differ from those of HTTP/2. All other options are those of `serve`.
 */
export type LeanServeOptions = Partial<
  Pick<
    LeanOptions,
    | "callWindowBytes"
    | "fragmentBytes"
    | "v1FinalMessageDelayMs"
    | "lingerMs"
    | "maxAssemblyBytes"
    | "maxOutputBytes"
    | "maxRouteBytes"
    | "maxRoutes"
    | "maxValueBytes"
    | "overheadPerSecond"
  >
>;

/**
 * What `connect` may be told about its lean connections: what has a meaning on a client and is no option of channels.
 */
export type LeanChannelOptions = Partial<
  Pick<
    LeanOptions,
    | "callWindowBytes"
    | "fragmentBytes"
    | "maxAssemblyBytes"
    | "maxConcurrentStreams"
    | "maxControlFrames"
    | "maxHeaderFields"
    | "maxHeaderListBytes"
    | "maxOutputBytes"
    | "maxRouteBytes"
    | "maxSendBufferBytes"
    | "maxValueBytes"
    | "overheadBurst"
    | "overheadPerSecond"
    | "pauseControlFrames"
    | "resetBurst"
    | "resetsPerSecond"
    | "sendBufferBytes"
  >
>;

/** Options of a {@link LeanServerConnection}; all have defaults. */
export type LeanServerOptions = Partial<LeanOptions>;

/** Options of a {@link LeanClientConnection}; all have defaults. */
export interface LeanClientOptions extends Partial<LeanOptions> {
  /**
   * That the peer knows the hello, because TLS agreed on ALPN `vrpc-lean/1`: calls may start at once,
   * with the hello's defaults, instead of after the peer's hello. Default false.
   */
  peerKnowsHello?: boolean;
}

/** The defaults of {@link LeanOptions}, as a client has them. */
export const DEFAULT_LEAN_OPTIONS: Readonly<LeanOptions> = {
  maxConcurrentStreams: 128,
  maxReceiveMessageBytes: 4_194_304,
  maxAssemblyBytes: 16_777_216,
  memory: undefined,
  callWindowBytes: 131_072,
  maxValueBytes: 65_536,
  fragmentBytes: 65_536,
  maxRouteBytes: 1_024,
  maxRoutes: 64,
  maxHeaderListBytes: 16_384,
  maxHeaderFields: 128,
  sendBufferBytes: 65_536,
  maxSendBufferBytes: 16_777_216,
  maxOutputBytes: 131_072,
  pauseControlFrames: 100,
  maxControlFrames: 1_000,
  resetBurst: 1_000,
  resetsPerSecond: 33,
  overheadBurst: 10_000,
  overheadPerSecond: 1_000,
  prefaceTimeoutMs: 5_000,
  stallTimeoutMs: 30_000,
  keepaliveTimeMs: Infinity,
  keepaliveTimeoutMs: 20_000,
  keepaliveWithoutCalls: false,
  minPingIntervalMs: 300_000,
  permitPingWithoutCalls: false,
  v1FinalMessageDelayMs: 10,
  lingerMs: 1_000,
  maxConnectionIdleMs: Infinity,
  maxConnectionAgeMs: Infinity,
  maxConnectionAgeGraceMs: Infinity,
};

/** A server pings a silent client after two hours (grpc-go's default), so that dead peers are found. */
export const SERVER_KEEPALIVE_TIME_MS = 7_200_000;

/** The least keepalive interval of a client (gRPC A8), in ms. */
export const MIN_CLIENT_KEEPALIVE_MS = 10_000;

/** What the numeric ones of {@link LeanOptions} may be; what HTTP/2 has too is the same there. */
export const LEAN_RANGES: Ranges<LeanOptions> = {
  maxConcurrentStreams: HTTP2_RANGES.maxConcurrentStreams,
  maxReceiveMessageBytes: whole(0),
  maxAssemblyBytes: whole(0, Infinity),
  callWindowBytes: whole(1_024),
  maxValueBytes: whole(16_384, 1_048_576),
  fragmentBytes: whole(512, 1_048_576),
  maxRouteBytes: whole(16, 65_535),
  maxRoutes: whole(0, 256),
  maxHeaderListBytes: HTTP2_RANGES.maxHeaderListBytes,
  maxHeaderFields: HTTP2_RANGES.maxHeaderFields,
  sendBufferBytes: HTTP2_RANGES.sendBufferBytes,
  maxSendBufferBytes: HTTP2_RANGES.maxSendBufferBytes,
  maxOutputBytes: HTTP2_RANGES.maxOutputBytes,
  pauseControlFrames: HTTP2_RANGES.pauseControlFrames,
  maxControlFrames: HTTP2_RANGES.maxControlFrames,
  resetBurst: HTTP2_RANGES.resetBurst,
  resetsPerSecond: HTTP2_RANGES.resetsPerSecond,
  overheadBurst: HTTP2_RANGES.overheadBurst,
  overheadPerSecond: HTTP2_RANGES.overheadPerSecond,
  prefaceTimeoutMs: HTTP2_RANGES.prefaceTimeoutMs,
  stallTimeoutMs: HTTP2_RANGES.stallTimeoutMs,
  keepaliveTimeMs: HTTP2_RANGES.keepaliveTimeMs,
  keepaliveTimeoutMs: HTTP2_RANGES.keepaliveTimeoutMs,
  minPingIntervalMs: HTTP2_RANGES.minPingIntervalMs,
  v1FinalMessageDelayMs: measured(0),
  lingerMs: measured(0),
  maxConnectionIdleMs: HTTP2_RANGES.maxConnectionIdleMs,
  maxConnectionAgeMs: HTTP2_RANGES.maxConnectionAgeMs,
  maxConnectionAgeGraceMs: HTTP2_RANGES.maxConnectionAgeGraceMs,
};

// Connections with the same options share one record: idle memory is counted in bytes here.
const checked = new WeakMap<object, Readonly<LeanOptions>>();

/** Throws RangeError or TypeError unless `lean`, an option of that name, is made of values in their ranges. */
export function checkLeanOptions(lean: Partial<LeanOptions>): void {
  if (typeof lean !== "object" || lean === null) {
    throw new TypeError(`Cannot use lean ${lean}: it must be an object`);
  }
  checkRanges<Partial<LeanOptions>>(lean, LEAN_RANGES, "lean.");
}

/**
 * Fills in defaults. Connections come and go: options are checked by {@link LEAN_RANGES} once, where they are given.
 */
export function leanOptions(
  options: Partial<LeanOptions>,
  side: "client" | "server",
): Readonly<LeanOptions> {
  const known = checked.get(options);
  if (known !== undefined) return known;
  const all = { ...DEFAULT_LEAN_OPTIONS };
  if (side === "server") all.keepaliveTimeMs = SERVER_KEEPALIVE_TIME_MS;
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined && key in all) (all as Record<string, unknown>)[key] = value;
  }
  if (side === "client") {
    all.keepaliveTimeMs = Math.max(all.keepaliveTimeMs, MIN_CLIENT_KEEPALIVE_MS);
  }
  checked.set(options, all);
  return all;
}
