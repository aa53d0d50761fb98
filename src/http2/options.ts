/**
 * Settings and limits of an HTTP/2 connection. Every limit is finite and named.
 *
 * @module
 */

import type { MemoryPool } from "../bytes/memory_pool.ts";

/** Settings and limits of one HTTP/2 connection, for either side. Times are ms, sizes are bytes. */
export interface Http2Options {
  /** How many streams the peer may have open at once, running handlers included. Default 128. */
  maxConcurrentStreams: number;
  /** Flow-control window of each stream at first. Default 65,535 (the protocol's own). */
  initialWindowBytes: number;
  /** Flow-control window of the connection at first. Default 1 MiB. */
  connectionWindowBytes: number;
  /** How far windows may grow with the bandwidth-delay product. Default 4 MiB; not above 2³¹−1. */
  maxWindowBytes: number;
  /** Bytes that slow readers may hold back before the whole connection is slowed down. Default 4 MiB. */
  maxHeldBytes: number;
  /** Largest header list taken, counted by RFC 7541 section 4.1 while decoding. Default 16 KiB. */
  maxHeaderListBytes: number;
  /** Most fields in a header list. Default 128 (nginx allows 1,000, Envoy 100). */
  maxHeaderFields: number;
  /** Largest frame payload taken, 16,384 to 16,777,215. Default 16,384. */
  maxFrameBytes: number;
  /** HPACK dynamic table offered to the peer. Default 4,096. */
  headerTableBytes: number;
  /** Most CONTINUATION frames of a header block, empty ones included. Default 8 (nghttp2's). */
  maxContinuationFrames: number;
  /** Unsent control frames at which reading pauses. Default 100. */
  pauseControlFrames: number;
  /** Unsent control frames at which the connection is closed. Default 1,000. */
  maxControlFrames: number;
  /**
   * Bucket of stream resets, in either direction, that a peer may cause; a stream that ends well puts one
   * back, a request that breaks gRPC's framing takes two. Default 1,000 (nghttp2's).
   */
  resetBurst: number;
  /** How fast that bucket fills, per second. Default 33 (nghttp2's). */
  resetsPerSecond: number;
  /** Bucket of frames that carry nothing (PING, SETTINGS, PRIORITY, empty DATA …). Default 10,000. */
  overheadBurst: number;
  /** How fast that bucket fills, per second, beside what useful frames put in. Default 100. */
  overheadPerSecond: number;
  /** How long the peer may take for its preface and first SETTINGS. Default 5,000. */
  prefaceTimeoutMs: number;
  /** How long the peer may take to acknowledge the first SETTINGS. Default 10,000. */
  settingsTimeoutMs: number;
  /**
   * How long output may wait for the peer to take any of it. Default 30,000. A complete reply without credit on a
   * connection that moves may wait ten times as long.
   */
  stallTimeoutMs: number;
  /** Queued bytes of one stream above which its sender is asked to wait. Default 64 KiB. */
  sendBufferBytes: number;
  /** Queued bytes of all streams above which every sender is asked to wait and new calls are refused. Default 16 MiB. */
  maxSendBufferBytes: number;
  /** The bound on buffers that this connection shares with its server's others. Default: none. */
  memory: MemoryPool | undefined;
  /** Bytes framed ahead of the socket. Default 256 KiB: half of it costs streams of large messages 15 % more. */
  maxOutputBytes: number;
  /** Silence after which a ping is sent; Infinity for never. Default Infinity (client), 2 h (server). */
  keepaliveTimeMs: number;
  /** How long the answer to that ping may take. Default 20,000. */
  keepaliveTimeoutMs: number;
  /** Whether a client pings without open calls. Default false. */
  keepaliveWithoutCalls: boolean;
  /** Server: the least time between a client's pings (gRPC A8). Default 300,000. */
  minPingIntervalMs: number;
  /** Server: pings without open calls are bad unless this is true. Default false. */
  permitPingWithoutCalls: boolean;
  /** Server: close a connection without calls after this time. Default Infinity. */
  maxConnectionIdleMs: number;
  /** Server: drain a connection of this age. Default Infinity. */
  maxConnectionAgeMs: number;
  /** Server: how long calls may go on after the drain for age. Default Infinity. */
  maxConnectionAgeGraceMs: number;
}

/** The defaults of {@link Http2Options}. */
export const DEFAULT_HTTP2_OPTIONS: Readonly<Http2Options> = {
  maxConcurrentStreams: 128,
  initialWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  maxWindowBytes: 4_194_304,
  maxHeldBytes: 4_194_304,
  maxHeaderListBytes: 16_384,
  maxHeaderFields: 128,
  maxFrameBytes: 16_384,
  headerTableBytes: 4_096,
  maxContinuationFrames: 8,
  pauseControlFrames: 100,
  maxControlFrames: 1_000,
  resetBurst: 1_000,
  resetsPerSecond: 33,
  overheadBurst: 10_000,
  overheadPerSecond: 100,
  prefaceTimeoutMs: 5_000,
  settingsTimeoutMs: 10_000,
  stallTimeoutMs: 30_000,
  sendBufferBytes: 65_536,
  maxSendBufferBytes: 16_777_216,
  memory: undefined,
  maxOutputBytes: 262_144,
  keepaliveTimeMs: Infinity,
  keepaliveTimeoutMs: 20_000,
  keepaliveWithoutCalls: false,
  minPingIntervalMs: 300_000,
  permitPingWithoutCalls: false,
  maxConnectionIdleMs: Infinity,
  maxConnectionAgeMs: Infinity,
  maxConnectionAgeGraceMs: Infinity,
};

/** Fills in defaults and checks ranges. Throws RangeError that names the option, its value and its range. */
export function http2Options(options: Partial<Http2Options>): Http2Options {
  const all = { ...DEFAULT_HTTP2_OPTIONS };
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined && key in all) (all as Record<string, unknown>)[key] = value;
  }
  range(all, "maxConcurrentStreams", 1, 0x7fffffff);
  range(all, "initialWindowBytes", 1, 0x7fffffff);
  range(all, "connectionWindowBytes", 65_535, 0x7fffffff);
  range(all, "maxWindowBytes", 65_535, 0x7fffffff);
  range(all, "maxFrameBytes", 16_384, 16_777_215);
  range(all, "headerTableBytes", 0, 65_536);
  range(all, "maxHeaderListBytes", 1_024, 1_048_576);
  range(all, "maxHeaderFields", 16, 10_000);
  range(all, "keepaliveTimeMs", 1, Infinity);
  range(all, "keepaliveTimeoutMs", 1, Infinity);
  return all;
}

function range(options: Http2Options, key: keyof Http2Options, least: number, most: number): void {
  const value = options[key];
  if (typeof value === "number" && value >= least && value <= most) return;
  throw new RangeError(`Cannot use ${key} ${value}: it must be ${least} to ${most}`);
}
