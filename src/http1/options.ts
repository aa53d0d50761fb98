/**
 * Limits of an HTTP/1.1 connection: names, defaults and ranges.
 *
 * @module
 */

import { measured, type Ranges, whole } from "../limits/ranges.ts";

/** Limits of each HTTP/1.1 connection. Times are in ms, Infinity for never; sizes are in bytes. */
export interface Http1Limits {
  /**
   * Longest request line, its CRLF included; longer ones are answered 414. 64 to 1 MiB. Default 8 KiB (RFC 9112 §3).
   */
  maxRequestLineBytes?: number;
  /**
   * Largest header section, its CRLFs included; larger ones are answered 431. Trailers and all chunk extensions of a
   * body have the same bound. 1 KiB to 1 MiB. Default 16 KiB (Node's and nginx's are 16 and 32 KiB).
   */
  maxHeaderBytes?: number;
  /**
   * Limit on the number of fields in a header section, or in trailers; more are answered 431. 16 to 10,000. Default
   * 100.
   */
  maxHeaderFields?: number;
  /** Largest request body; larger ones are answered 413. 0 or more. Default 64 MiB. */
  maxBodyBytes?: number;
  /**
   * Time from the first byte of a request to the end of its header section, from accept for the first request; with TLS
   * from the end of the handshake, which has the same bound. A late one is answered 408. 1 or more. Default 10,000.
   */
  headersTimeoutMs?: number;
  /**
   * Time from the end of the header section to the end of the body. A late one is answered 408. 1 or more. Default
   * 300,000.
   */
  requestTimeoutMs?: number;
  /**
   * Lowest rate of a body's bytes over each 5 s in which the server waits for them; a slower one is answered 408, 0
   * permits streams that pause. 0 or more. Default 240.
   */
  minBodyBytesPerSecond?: number;
  /** Time that a connection stays open without a request. 1 or more. Default 60,000. */
  keepAliveTimeoutMs?: number;
  /**
   * Time in which the peer must take about 64 KiB of a response that waits for it, up to twice as long; the connection
   * is then closed. 1 or more. Default 30,000.
   */
  stallTimeoutMs?: number;
}

/** Defaults of {@link Http1Limits}. */
export const HTTP1_DEFAULTS: Readonly<Required<Http1Limits>> = {
  maxRequestLineBytes: 8_192,
  maxHeaderBytes: 16_384,
  maxHeaderFields: 100,
  maxBodyBytes: 67_108_864,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  minBodyBytesPerSecond: 240,
  keepAliveTimeoutMs: 60_000,
  stallTimeoutMs: 30_000,
};

/** Ranges of {@link Http1Limits}. */
export const HTTP1_RANGES: Ranges<Http1Limits> = {
  maxRequestLineBytes: whole(64, 1_048_576),
  maxHeaderBytes: whole(1_024, 1_048_576),
  maxHeaderFields: whole(16, 10_000),
  maxBodyBytes: whole(0, Infinity),
  headersTimeoutMs: measured(1),
  requestTimeoutMs: measured(1),
  minBodyBytesPerSecond: measured(0),
  keepAliveTimeoutMs: measured(1),
  stallTimeoutMs: measured(1),
};
