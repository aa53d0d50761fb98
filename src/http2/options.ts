/**
 * Settings and limits of an HTTP/2 connection. Every limit is finite and named.
 *
 * @module
 */

import type { MemoryPool } from "../limits/memory_pool.ts";
import { MAX_COUNT, measured, type Ranges, whole } from "../limits/ranges.ts";

/**
 * Settings and limits of one HTTP/2 connection, for either side. Times are ms, sizes are bytes. Where nothing else
 * is said, counts and sizes are whole numbers from 1 to 2³¹−1, and times are 1 or more, Infinity for never.
 */
export interface Http2Options {
  /** How many streams the peer may have open at once, running handlers included. Default 128. */
  maxConcurrentStreams: number;
  /** Flow-control window of each stream at first. Default 65,535 (the protocol's own). */
  initialWindowBytes: number;
  /** Flow-control window of the connection at first, 65,535 or more. Default 1 MiB. */
  connectionWindowBytes: number;
  /** How far windows may grow with the bandwidth-delay product, 65,535 or more. Default 4 MiB. */
  maxWindowBytes: number;
  /** Bytes that slow readers may hold back before the whole connection is slowed down, 0 or more. Default 4 MiB. */
  maxPausedBytes: number;
  /** Largest header list taken, counted by RFC 7541 section 4.1 while decoding; 1 KiB to 1 MiB. Default 16 KiB. */
  maxHeaderListBytes: number;
  /** Most fields in a header list, 16 to 10,000. Default 128 (nginx allows 1,000, Envoy 100). */
  maxHeaderFields: number;
  /** Largest frame payload taken, 16,384 to 16,777,215. Default 16,384. */
  maxFrameBytes: number;
  /** HPACK dynamic table offered to the peer, 0 to 65,536. Default 4,096. */
  headerTableBytes: number;
  /** Most CONTINUATION frames of a header block, empty ones included; 0 to 10,000. Default 8 (nghttp2's). */
  maxContinuationFrames: number;
  /** Unsent control frames at which reading pauses. Default 100. */
  pauseControlFrames: number;
  /** Unsent control frames at which the connection is closed. Default 1,000. */
  maxControlFrames: number;
  /**
   * Bucket of stream resets, in either direction, that a peer may cause; a stream that ends well puts one
   * back, a request that breaks gRPC's framing or can't be inflated takes two. A server reads up to 5 s later from
   * a client that has more streams refused or broken with less than half of it left. Default 1,000 (nghttp2's).
   */
  resetBurst: number;
  /** How fast that bucket fills, per second; 0 to 2³¹−1. Default 33 (nghttp2's). */
  resetsPerSecond: number;
  /** Bucket of frames that carry nothing (PING, SETTINGS, PRIORITY, empty DATA …). Default 10,000. */
  overheadBurst: number;
  /**
   * How fast that bucket fills, per second, beside what useful frames put in; 0 to 2³¹−1. Default 100 (lean: 1,000).
   */
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
  /**
   * Queued bytes of all streams above which every sender is asked to wait and new calls are refused. Default 16 MiB.
   */
  maxSendBufferBytes: number;
  /** The bound on buffers that this connection shares with its server's others. Default: none. */
  memory: MemoryPool | undefined;
  /**
   * Bytes framed ahead of the socket, 1 KiB or more. Default 256 KiB (lean: 128 KiB): half of it costs streams of large
   * messages 15 % more.
   */
  maxOutputBytes: number;
  /** Silence after which a ping is sent; Infinity for never. Default Infinity (client), 2 h (server). */
  keepaliveTimeMs: number;
  /** How long the answer to that ping may take. Default 20,000. */
  keepaliveTimeoutMs: number;
  /** Whether a client pings without open calls. Default false. */
  keepaliveWithoutCalls: boolean;
  /** Server: the least time between a client's pings (gRPC A8), 0 or more. Default 300,000. */
  minPingIntervalMs: number;
  /** Server: pings without open calls are bad unless this is true. Default false. */
  permitPingWithoutCalls: boolean;
  /** Server: close a connection without calls after this time. Default Infinity. */
  maxConnectionIdleMs: number;
  /** Server: drain a connection of this age. Default Infinity. */
  maxConnectionAgeMs: number;
  /** Server: how long calls may go on after the drain for age, 0 or more. Default Infinity. */
  maxConnectionAgeGraceMs: number;
}

/** The defaults of {@link Http2Options}. */
export const DEFAULT_HTTP2_OPTIONS: Readonly<Http2Options> = {
  maxConcurrentStreams: 128,
  initialWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  maxWindowBytes: 4_194_304,
  maxPausedBytes: 4_194_304,
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

/** What the numeric ones of {@link Http2Options} may be. */
export const HTTP2_RANGES: Ranges<Http2Options> = {
  maxConcurrentStreams: whole(1),
  initialWindowBytes: whole(1),
  connectionWindowBytes: whole(65_535),
  maxWindowBytes: whole(65_535),
  maxPausedBytes: whole(0),
  maxHeaderListBytes: whole(1_024, 1_048_576),
  maxHeaderFields: whole(16, 10_000),
  maxFrameBytes: whole(16_384, 16_777_215),
  headerTableBytes: whole(0, 65_536),
  maxContinuationFrames: whole(0, 10_000),
  pauseControlFrames: whole(1),
  maxControlFrames: whole(1),
  resetBurst: whole(1),
  resetsPerSecond: measured(0, MAX_COUNT),
  overheadBurst: whole(1),
  overheadPerSecond: measured(0, MAX_COUNT),
  prefaceTimeoutMs: measured(1),
  settingsTimeoutMs: measured(1),
  stallTimeoutMs: measured(1),
  sendBufferBytes: whole(1),
  maxSendBufferBytes: whole(1),
  maxOutputBytes: whole(1_024),
  keepaliveTimeMs: measured(1),
  keepaliveTimeoutMs: measured(1),
  minPingIntervalMs: measured(0),
  maxConnectionIdleMs: measured(1),
  maxConnectionAgeMs: measured(1),
  maxConnectionAgeGraceMs: measured(0),
};

/**
 * Fills in defaults. Connections come and go: options are checked by {@link HTTP2_RANGES} once, where they are given.
 */
export function http2Options(options: Partial<Http2Options>): Http2Options {
  const all = { ...DEFAULT_HTTP2_OPTIONS };
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined && key in all) (all as Record<string, unknown>)[key] = value;
  }
  return all;
}
