/**
 * Options of a handler of the Fetch API.
 *
 * @module
 */

import {
  MAX_RECEIVE_MESSAGE_BYTES,
  RECEIVE_MESSAGE_RANGE,
  SERVER_LIMIT_RANGES,
  SERVER_TOTALS,
  SHARED_LIMITS,
} from "../../limits/connection_limits.ts";
import { checkNames, checkRanges, type Defaults, type Ranges, whole } from "../../limits/ranges.ts";
import { type Encoding, ENCODINGS } from "../../call/encodings.ts";
import { checkEncodings } from "../core/encodings_option.ts";
import type { CallObserver } from "../core/observer.ts";
import type { Interceptor } from "../core/types.ts";
import type { DispatcherWrapper } from "../dispatch/dispatcher.ts";
import {
  checkCors,
  checkHosts,
  type CorsOptions,
  WEB_DEFAULTS,
  WEB_RANGES,
} from "../server/web_options.ts";

/**
 * Options of {@link fetchHandler}: those of `serve` that need no connection, by the same names. Times are in ms, Infinity
 * for never; sizes are in bytes. An unknown name is a TypeError, a number out of its range a RangeError.
 *
 * ```ts
 * import { fetchHandler } from "@vrpc/vrpc/fetch";
 *
 * const handler = fetchHandler(() => {}, {
 *   pathPrefix: "/rpc",
 *   web: { cors: { origins: ["https://app.example"] } },
 * });
 * ```
 *
 * @category Server
 */
export interface FetchHandlerOptions {
  /** Interceptors around every handler, the first outermost; those of `router.use` run inside them. Default none. */
  interceptors?: readonly Interceptor[];
  /** Wraps the registry: concurrency limits, timeouts, a worker pool, or a dispatcher of your own. Default none. */
  dispatcher?: DispatcherWrapper;
  /** Observer of every call, for metrics. Default none. */
  observer?: CallObserver;
  /**
   * Whether failures of handlers, codecs and other hooks are printed by `console.error` while LogTape is not configured
   * for `["vrpc", "server"]`; at most 100 a second. With LogTape they are always logged. Default true.
   */
  printFailures?: boolean;
  /** Largest message accepted from a client, in bytes, after decompression. 1 to 2³¹−1. Default 4 MiB (gRPC's). */
  maxReceiveMessageBytes?: number;
  /** Whether replies are compressed for clients that accept it, unless a handler says otherwise. Default false. */
  compress?: boolean;
  /**
   * Compressions that requests may have, and replies, by preference: the first one that the caller accepts is used. The
   * lean wire has gzip only. `"deflate"` and `"br"` are for callers that you trust: bombs of the first take 8 ms each,
   * messages of 4 MiB in many blocks of the second 0.2 s, and with Deno 2.9.6 corrupt ones leak memory. Default
   * `["gzip", "zstd", "snappy"]`.
   */
  encodings?: readonly Encoding[];
  /** Plain text for browsers and curl at `GET /`. Default a sentence that names the protocols. */
  infoText?: string;
  /**
   * Path in front of the paths of methods, such as `/rpc` for `/rpc/greet.v1.GreetService/Greet`; other paths are
   * answered 404. Default none.
   */
  pathPrefix?: string;
  /** Web pages that may call, and times. Default each option's own. */
  web?: FetchWebOptions;
  /** Limits against overload and abuse. Default each limit's own. */
  limits?: FetchLimits;
}

/**
 * Web pages that may call a handler, and times.
 *
 * @category Server
 */
export interface FetchWebOptions {
  /** Web pages that may call. Default none: requests with an Origin are refused. */
  cors?: CorsOptions;
  /**
   * Further hosts that requests in clear text may name: `name` with any port, `name:port`, or `*` for all. With the list
   * these, `localhost` and IP addresses are served; other hosts get 421, as a page could have rebound its name to the
   * server. Without it that holds only for clients whose address in `info` is a loopback or private one, as every host is
   * served to others. Default none.
   */
  allowedHosts?: readonly string[];
  /**
   * Time for the body of a unary call, and time in which something of a stream of requests must arrive; a late one is
   * answered 408. 1 or more. Default 300,000.
   */
  requestTimeoutMs?: number;
}

/**
 * Limits of all requests of a handler together.
 *
 * @category Server
 */
export interface FetchLimits {
  /**
   * Calls that are open or whose handlers still run; further requests are answered 503. 1 or more. Default 10,000.
   */
  maxConcurrentCalls?: number;
  /** Bytes of incomplete, unread and unsent messages. 1 or more. Default 64 MiB. */
  maxBufferedBytes?: number;
  /** Time in which a client must take some of the response that waits; then the call is cancelled. 1 or more. Default 30,000. */
  stallTimeoutMs?: number;
}

/** Defaults of {@link FetchHandlerOptions}. */
export const FETCH_DEFAULTS: Defaults<FetchHandlerOptions> = {
  interceptors: undefined,
  dispatcher: undefined,
  observer: undefined,
  printFailures: true,
  maxReceiveMessageBytes: MAX_RECEIVE_MESSAGE_BYTES,
  compress: false,
  encodings: ENCODINGS,
  infoText: "This is a vrpc server. It speaks Connect and gRPC-Web.\n",
  pathPrefix: undefined,
  web: undefined,
  limits: undefined,
};

/** Defaults of {@link FetchWebOptions}. */
export const FETCH_WEB_DEFAULTS: Defaults<FetchWebOptions> = {
  cors: undefined,
  allowedHosts: undefined,
  requestTimeoutMs: WEB_DEFAULTS.requestTimeoutMs,
};

/** Defaults of {@link FetchLimits}. */
export const FETCH_LIMIT_DEFAULTS = {
  maxConcurrentCalls: 10_000,
  maxBufferedBytes: SERVER_TOTALS.maxBufferedBytes,
  stallTimeoutMs: SHARED_LIMITS.stallTimeoutMs,
} satisfies FetchLimits;

/** Ranges of {@link FetchHandlerOptions}. */
export const FETCH_RANGES: Ranges<FetchHandlerOptions> = {
  maxReceiveMessageBytes: RECEIVE_MESSAGE_RANGE,
};

/** Ranges of {@link FetchWebOptions}. */
export const FETCH_WEB_RANGES: Ranges<FetchWebOptions> = {
  requestTimeoutMs: WEB_RANGES.requestTimeoutMs,
};

/** Ranges of {@link FetchLimits}. */
export const FETCH_LIMIT_RANGES: Ranges<FetchLimits> = {
  maxConcurrentCalls: whole(1, Infinity),
  maxBufferedBytes: SERVER_LIMIT_RANGES.maxBufferedBytes,
  stallTimeoutMs: SERVER_LIMIT_RANGES.stallTimeoutMs,
};

/** Throws TypeError for unknown names and values of the wrong type, and RangeError for numbers out of range. */
export function checkFetchOptions(options: FetchHandlerOptions): void {
  checkNames("fetchHandler", options, FETCH_DEFAULTS);
  checkRanges(options, FETCH_RANGES);
  checkEncodings(options.encodings);
  const { web, limits, pathPrefix } = options;
  // Segments of RFC 3986 §3.3, without a slash at the end.
  if (pathPrefix !== undefined && !/^(?:\/[\w.~%!$&'()*+,;=:@-]+)*$/.test(pathPrefix)) {
    throw new TypeError(
      `Cannot use pathPrefix ${JSON.stringify(pathPrefix)}: use the form "/rpc"`,
    );
  }
  if (web !== undefined) {
    checkNames("web of fetchHandler", web, FETCH_WEB_DEFAULTS);
    checkRanges(web, FETCH_WEB_RANGES, "web.");
    if (web.cors !== undefined) checkCors(web.cors);
    if (web.allowedHosts !== undefined) checkHosts(web.allowedHosts);
  }
  if (limits === undefined) return;
  checkNames("limits of fetchHandler", limits, FETCH_LIMIT_DEFAULTS);
  checkRanges(limits, FETCH_LIMIT_RANGES, "limits.");
}
