/**
 * The limits of connections on both wires: each has one name, one default, one range and one sentence, here.
 *
 * Engines take them flat, merged from the tables below; `serve` and `connect` take them as their option `limits`.
 *
 * @module
 */

import { MAX_COUNT, measured, type Ranges, whole } from "./ranges.ts";

/**
 * Limits of each connection, on either side and either wire; a sentence that begins with "HTTP/2:" or "Lean:" names
 * the only wire that has the limit. Times are in ms, sizes in bytes; every limit has a default.
 *
 * @category Client
 */
export interface ConnectionLimits {
  /**
   * Calls that the peer may have open at once, and handlers that a server runs at once for it. A cancelled call is no
   * longer open, but while its handler still runs a new call may have to wait for a handler to end. On a channel, calls
   * opened on a lean version-1 connection, whose server states no limit. 1 to 2³¹−1. Default 128.
   */
  maxConcurrentStreams?: number;
  /**
   * Largest block of metadata accepted, counted with 32 bytes on top of each field (RFC 7541 §4.1) while it is decoded.
   * 1 KiB to 1 MiB. Default 16 KiB.
   */
  maxHeaderListBytes?: number;
  /** Limit on the number of fields in a block of metadata. 16 to 10,000. Default 128 (nginx allows 1,000, Envoy 100). */
  maxHeaderFields?: number;
  /** Unsent control frames at which reading pauses. 1 to 2³¹−1. Default 100. */
  pauseControlFrames?: number;
  /** Unsent control frames at which the connection is closed. 1 to 2³¹−1. Default 1,000. */
  maxControlFrames?: number;
  /**
   * Size of the bucket charged for calls that the peer cancels together with their opening, within 10 ms without an
   * answer or without reading the reply, and for calls that are refused or broken. A broken message costs two, a normal
   * end on HTTP/2 returns one. A server whose client has used half of it throttles reads by up to 5 s for each further
   * refused or broken call; an empty bucket closes the connection. 1 to 2³¹−1. Default 1,000 (nghttp2's).
   */
  resetBurst?: number;
  /** Credits per second that the bucket of `resetBurst` gains. 0 to 2³¹−1. Default 33 (nghttp2's). */
  resetsPerSecond?: number;
  /**
   * Size of the bucket of frames that carry nothing for a call (pings, SETTINGS, empty DATA, tiny credits, frames of
   * ended calls); useful frames put credits back. An empty bucket closes the connection. 1 to 2³¹−1. Default 10,000.
   */
  overheadBurst?: number;
  /** Credits per second that the bucket of `overheadBurst` gains. 0 to 2³¹−1. Default 100. */
  overheadPerSecond?: number;
  /** Queued bytes of one call at which its sender waits. 1 to 2³¹−1. Default 64 KiB. */
  sendBufferBytes?: number;
  /** Queued bytes of all calls at which every sender waits and new calls are refused. 1 to 2³¹−1. Default 16 MiB. */
  maxSendBufferBytes?: number;
  /**
   * Bytes framed ahead of the socket on HTTP/2, half as many on lean; a server with eight times as many reads nothing.
   * 1 KiB to 2³¹−1. Default 256 KiB (if both wires had the same, large messages would cost 6 % to 15 % more processor
   * time on one of them).
   */
  maxOutputBytes?: number;

  /**
   * HTTP/2: initial flow-control window of each stream (RFC 9113 §6.9.2). 1 to 2³¹−1. Default 65,535 (the protocol's)
   * on a server, 256 KiB on a channel, which has few connections and reads large replies.
   */
  initialWindowBytes?: number;
  /** HTTP/2: initial flow-control window of the connection. 65,535 to 2³¹−1. Default 1 MiB. */
  connectionWindowBytes?: number;
  /** HTTP/2: size up to which windows follow the bandwidth-delay product. 65,535 to 2³¹−1. Default 4 MiB. */
  maxWindowBytes?: number;
  /** HTTP/2: unread bytes of paused calls at which the connection's window stays closed. 0 to 2³¹−1. Default 4 MiB. */
  maxPausedBytes?: number;
  /** HTTP/2: largest frame payload accepted (RFC 9113 §4.2). 16 KiB to 16,777,215. Default 16 KiB. */
  maxFrameBytes?: number;
  /** HTTP/2: HPACK dynamic table offered to the peer (RFC 7541 §4.2). 0 to 64 KiB. Default 4 KiB. */
  headerTableBytes?: number;
  /** HTTP/2: limit on the CONTINUATION frames of a header block, empty ones included. 0 to 10,000. Default 8 (nghttp2's). */
  maxContinuationFrames?: number;

  /** Lean: bytes of unfinished messages held at once. 0 or more. Default 16 MiB. */
  maxAssemblyBytes?: number;
  /** Lean: bytes of messages that the peer may send per call ahead of credit. 1 KiB to 2³¹−1. Default 128 KiB. */
  callWindowBytes?: number;
  /** Lean: longest value of a frame accepted after the hello. 16 KiB to 1 MiB. Default 64 KiB. */
  maxValueBytes?: number;
  /** Lean: size of the pieces of longer messages, between which other calls take turns. 512 to 1 MiB. Default 64 KiB. */
  fragmentBytes?: number;
  /** Lean: longest route accepted. 16 to 65,535. Default 1 KiB. */
  maxRouteBytes?: number;
}

/**
 * Limits of a channel: those of each connection, and those of all connections together.
 *
 * @category Client
 */
export interface ChannelLimits extends ConnectionLimits {
  /**
   * Bytes of received messages of streaming calls that wait for their readers, on all connections together; each counts
   * 256 more. Calls that need more end with RESOURCE_EXHAUSTED. 1 or more. Default 64 MiB.
   */
  maxBufferedBytes?: number;
}

/**
 * Limits of a server: those of each connection, and those of all connections together.
 *
 * @category Server
 */
export interface ServerLimits extends ConnectionLimits {
  /** Open connections above which new ones are closed at once. 1 or more. Default 16,384 (0.5 GB when idle). */
  maxConnections?: number;
  /**
   * Bytes of incomplete, unread and unsent messages on all connections together, decompressed requests included until
   * their handlers end; an unread message counts 256 bytes more, and one connection gets a sixteenth of the limit for
   * these; when more than four connections hold bytes, those of HTTP/1.1 fill three eighths. Calls that need more end
   * with RESOURCE_EXHAUSTED. 1 or more. Default 64 MiB.
   */
  maxBufferedBytes?: number;
  /** Time from accept to a complete preface (lean: the first frame), TLS included. 1 or more. Default 5,000. */
  prefaceTimeoutMs?: number;
  /**
   * Time without progress after which unsent output, a half-received frame or a reply without credit is given up; ten
   * times as long for a reply on a connection that makes progress. 1 or more. Default 30,000.
   */
  stallTimeoutMs?: number;
  /** Shortest time between a client's pings during calls (gRPC A8). 0 or more. Default 300,000. */
  minPingIntervalMs?: number;
  /**
   * Whether clients may ping every `minPingIntervalMs` without open calls too, instead of every two hours (gRPC A8).
   * Default false.
   */
  permitPingWithoutCalls?: boolean;

  /** HTTP/2: time for the peer to acknowledge the first SETTINGS (RFC 9113 §6.5.3). 1 or more. Default 10,000. */
  settingsTimeoutMs?: number;

  /** Lean: routes per connection that get a number. 0 to 256. Default 64. */
  maxRoutes?: number;
  /** Lean: time that a drained connection waits for the client to close it. 0 or more. Default 1,000. */
  lingerMs?: number;
  /**
   * Lean, version 1: time that a streamed message is held back, so that the end of its stream can be sent with it. 0 or
   * more. Default 10.
   */
  v1FinalMessageDelayMs?: number;
}

/** Defaults of the limits that both wires have. */
export const SHARED_LIMITS = {
  maxConcurrentStreams: 128,
  maxHeaderListBytes: 16_384,
  maxHeaderFields: 128,
  pauseControlFrames: 100,
  maxControlFrames: 1_000,
  resetBurst: 1_000,
  resetsPerSecond: 33,
  overheadBurst: 10_000,
  overheadPerSecond: 100,
  sendBufferBytes: 65_536,
  maxSendBufferBytes: 16_777_216,
  maxOutputBytes: 262_144,
  prefaceTimeoutMs: 5_000,
  stallTimeoutMs: 30_000,
  minPingIntervalMs: 300_000,
  permitPingWithoutCalls: false,
} satisfies ServerLimits;

/** Defaults of the limits that only HTTP/2 has. */
export const HTTP2_LIMITS = {
  initialWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  maxWindowBytes: 4_194_304,
  maxPausedBytes: 4_194_304,
  maxFrameBytes: 16_384,
  headerTableBytes: 4_096,
  maxContinuationFrames: 8,
  settingsTimeoutMs: 10_000,
} satisfies ServerLimits;

/** Defaults of the limits that only the lean wire has. */
export const LEAN_LIMITS = {
  maxAssemblyBytes: 16_777_216,
  callWindowBytes: 131_072,
  maxValueBytes: 65_536,
  fragmentBytes: 65_536,
  maxRouteBytes: 1_024,
  maxRoutes: 64,
  lingerMs: 1_000,
  v1FinalMessageDelayMs: 10,
} satisfies ServerLimits;

/** Defaults of the limits of all connections together. */
export const SERVER_TOTALS = {
  maxConnections: 16_384,
  maxBufferedBytes: 67_108_864,
} satisfies ServerLimits;

/** Default of `initialWindowBytes` on a channel. */
export const CLIENT_WINDOW_BYTES = 262_144;

/** Ranges of {@link ConnectionLimits}. */
export const CONNECTION_LIMIT_RANGES: Ranges<ConnectionLimits> = {
  maxConcurrentStreams: whole(1),
  maxHeaderListBytes: whole(1_024, 1_048_576),
  maxHeaderFields: whole(16, 10_000),
  pauseControlFrames: whole(1),
  maxControlFrames: whole(1),
  resetBurst: whole(1),
  resetsPerSecond: measured(0, MAX_COUNT),
  overheadBurst: whole(1),
  overheadPerSecond: measured(0, MAX_COUNT),
  sendBufferBytes: whole(1),
  maxSendBufferBytes: whole(1),
  maxOutputBytes: whole(1_024),
  initialWindowBytes: whole(1),
  connectionWindowBytes: whole(65_535),
  maxWindowBytes: whole(65_535),
  maxPausedBytes: whole(0),
  maxFrameBytes: whole(16_384, 16_777_215),
  headerTableBytes: whole(0, 65_536),
  maxContinuationFrames: whole(0, 10_000),
  maxAssemblyBytes: whole(0, Infinity),
  callWindowBytes: whole(1_024),
  maxValueBytes: whole(16_384, 1_048_576),
  fragmentBytes: whole(512, 1_048_576),
  maxRouteBytes: whole(16, 65_535),
};

/** Ranges of {@link ChannelLimits}. */
export const CHANNEL_LIMIT_RANGES: Ranges<ChannelLimits> = {
  ...CONNECTION_LIMIT_RANGES,
  maxBufferedBytes: whole(1, Infinity),
};

/** Ranges of {@link ServerLimits}. */
export const SERVER_LIMIT_RANGES: Ranges<ServerLimits> = {
  ...CONNECTION_LIMIT_RANGES,
  maxConnections: whole(1, Infinity),
  maxBufferedBytes: whole(1, Infinity),
  prefaceTimeoutMs: measured(1),
  stallTimeoutMs: measured(1),
  minPingIntervalMs: measured(0),
  settingsTimeoutMs: measured(1),
  maxRoutes: whole(0, 256),
  lingerMs: measured(0),
  v1FinalMessageDelayMs: measured(0),
};

/** How long connections live, and when they ping. Times are in ms, Infinity for never. */
export interface LifetimeOptions {
  /** Silence after which a ping is sent. */
  keepaliveTimeMs: number;
  /** Time for the answer to a keepalive ping. */
  keepaliveTimeoutMs: number;
  /** Client: whether to ping without open calls. */
  keepaliveWithoutCalls: boolean;
  /** Server: time without calls after which a connection is drained. */
  maxConnectionIdleMs: number;
  /** Server: age at which a connection is drained. */
  maxConnectionAgeMs: number;
  /** Server: time for open calls after the age limit. */
  maxConnectionAgeGraceMs: number;
}

/** Defaults of {@link LifetimeOptions}; a server has {@link SERVER_KEEPALIVE_TIME_MS}. */
export const LIFETIME_DEFAULTS: Readonly<LifetimeOptions> = {
  keepaliveTimeMs: Infinity,
  keepaliveTimeoutMs: 20_000,
  keepaliveWithoutCalls: false,
  maxConnectionIdleMs: Infinity,
  maxConnectionAgeMs: Infinity,
  maxConnectionAgeGraceMs: Infinity,
};

/** Ranges of {@link LifetimeOptions}. */
export const LIFETIME_RANGES: Ranges<LifetimeOptions> = {
  keepaliveTimeMs: measured(1),
  keepaliveTimeoutMs: measured(1),
  maxConnectionIdleMs: measured(1),
  maxConnectionAgeMs: measured(1),
  maxConnectionAgeGraceMs: measured(0),
};

/** Silence after which a server pings: two hours (grpc-go's default), so that lost peers are found. */
export const SERVER_KEEPALIVE_TIME_MS = 7_200_000;

/** Shortest keepalive interval of a client, in ms (gRPC A8). */
export const MIN_CLIENT_KEEPALIVE_MS = 10_000;

/** Largest message accepted by default, in bytes, on servers and channels: 4 MiB, as in every gRPC. */
export const MAX_RECEIVE_MESSAGE_BYTES = 4_194_304;

/** Range of `maxReceiveMessageBytes` of a server. */
export const RECEIVE_MESSAGE_RANGE = whole(1);
