/**
 * Options of an HTTP server.
 *
 * @module
 */

import { HTTP1_DEFAULTS, HTTP1_RANGES, type Http1Limits } from "../../http1/options.ts";
import { DEFAULT_BUFFERED_BYTES } from "../../limits/memory_pool.ts";
import { checkNames, checkRanges, type Defaults, type Ranges, whole } from "../../limits/ranges.ts";
import type { TlsServerOptions } from "../../transport/tls_options.ts";
import type { TlsWatch } from "../../transport/tls_watch.ts";

/** Limits of an HTTP server: those of each connection, and those that all connections share. */
export interface HttpLimits extends Http1Limits {
  /**
   * Largest number of open connections. Beyond it the one that has waited longest without a request is closed for a new one; when
   * all have a request, the new one is closed. 1 or more. Default 4,096.
   */
  maxConnections?: number;
  /**
   * Bytes of bodies on all connections together that are being gathered for their handlers, or that wait to be sent.
   * Requests that need more are answered 503. 1 or more. Default 64 MiB.
   */
  maxBufferedBytes?: number;
}

/** Options of `serveHttp`. An unknown name is a TypeError, a number out of its range a RangeError. */
export interface HttpServeOptions {
  /** TLS: certificates, or `watchTls` of their files. Default none: plain text. */
  tls?: TlsServerOptions | TlsWatch;
  /** Limits against overload and abuse. Default each limit's own. */
  limits?: HttpLimits;
  /** Makes the response for an error of the handler. Default: 500 without the error's text. */
  onError?: (error: unknown) => Response | Promise<Response>;
}

const NAMES: Defaults<HttpServeOptions> = { tls: undefined, limits: undefined, onError: undefined };

/** Defaults of the limits that all connections share. */
export const HTTP_TOTALS = {
  maxConnections: 4_096,
  maxBufferedBytes: DEFAULT_BUFFERED_BYTES,
} satisfies HttpLimits;

/** Ranges of the limits that all connections share. */
export const HTTP_TOTAL_RANGES = {
  maxConnections: whole(1, Infinity),
  maxBufferedBytes: whole(1, Infinity),
};

const LIMITS: Required<HttpLimits> = { ...HTTP1_DEFAULTS, ...HTTP_TOTALS };
const RANGES: Ranges<HttpLimits> = { ...HTTP1_RANGES, ...HTTP_TOTAL_RANGES };

/** Checks options, and returns the limits with their defaults. */
export function httpLimits(options: HttpServeOptions): Required<HttpLimits> {
  checkNames("serveHttp", options, NAMES);
  const { limits = {} } = options;
  checkNames("limits", limits, LIMITS);
  checkRanges(limits, RANGES, "limits.");
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  return { ...LIMITS, ...Object.fromEntries(given) };
}
