/**
 * Options of gRPC-Web and Connect on a server.
 *
 * @module
 */

import { checkedHost } from "../../call/host_rules.ts";
import { HTTP1_DEFAULTS, HTTP1_RANGES, type Http1Limits } from "../../http1/options.ts";
import { type ServerLimits, SHARED_LIMITS } from "../../limits/connection_limits.ts";
import {
  checkNames,
  checkRange,
  checkRanges,
  type Defaults,
  measured,
  type Ranges,
} from "../../limits/ranges.ts";
import { type CorsPolicy, NO_CORS } from "../../web/server/cors.ts";
import type { WebSocketLimits } from "../../websocket/server_connection.ts";

/**
 * gRPC-Web and Connect on a server, over HTTP/1.1 and HTTP/2. Times are in ms, Infinity for never.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 *
 * await using server = await serve("127.0.0.1:0", () => {}, {
 *   web: { cors: { origins: ["https://app.example"] } },
 * });
 * ```
 *
 * @category Server
 */
export interface WebOptions {
  /** Web pages that may call. Default none: requests with an Origin are refused. */
  cors?: CorsOptions;
  /**
   * Further hosts that requests may name: `name` with any port, `name:port`, or `*` for all. Without them, clear-text
   * connections over TCP serve the listening address and localhost, on a wildcard address every IP address; other hosts
   * get 421, as a page could have rebound its name to the server. Default none.
   */
  allowedHosts?: readonly string[];
  /**
   * Whether lean may be spoken inside WebSockets, as by `@vrpc/vrpc/browser`; pages need an origin that `cors` allows.
   * Default true.
   */
  webSockets?: boolean;
  /** Longest request line of HTTP/1.1; longer ones are answered 414. 64 to 1 MiB. Default 8 KiB (RFC 9112 §3). */
  maxRequestLineBytes?: number;
  /** HTTP/1.1: time for a request's header section; a late one is answered 408. 1 or more. Default 10,000. */
  headersTimeoutMs?: number;
  /**
   * HTTP/1.1: time for the body of a unary call, and time in which something of a stream of requests must arrive; a late
   * one is answered 408. 1 or more. Default 300,000.
   */
  requestTimeoutMs?: number;
  /**
   * HTTP/1.1: least rate of a unary call's body over each 5 s in which the server waits for it. 0 or more. Default 240.
   */
  minBodyBytesPerSecond?: number;
  /** Time that an HTTP/1.1 connection stays open without a request. 1 or more. Default 60,000. */
  keepAliveTimeoutMs?: number;
}

/**
 * Web pages that may call a server (CORS).
 *
 * @category Server
 */
export interface CorsOptions {
  /** Origins of pages, such as `https://app.example` or `http://localhost:5173`; `*` for all. */
  origins: readonly string[];
  /** Request fields that pages may send beside those of the protocols; `*` for all. Default none. */
  headers?: readonly string[];
  /**
   * Response fields and trailers that pages may read beside those of the protocols; `*` for all, but not with
   * `credentials`. Default none.
   */
  exposedHeaders?: readonly string[];
  /** Whether pages may send cookies. Not with the origin `*`. Default false. */
  credentials?: boolean;
  /**
   * Time for which browsers keep the answer to a preflight request, in ms. 0 or more; more than a day is sent as a day,
   * Firefox's most. Default 7,200,000 (two hours, Chrome's most).
   */
  maxAgeMs?: number;
}

const CORS_DEFAULTS: Defaults<CorsOptions> = {
  origins: undefined,
  headers: undefined,
  exposedHeaders: undefined,
  credentials: false,
  maxAgeMs: 7_200_000,
};

/** Defaults of {@link WebOptions}. */
export const WEB_DEFAULTS: Defaults<WebOptions> = {
  cors: undefined,
  allowedHosts: undefined,
  webSockets: true,
  maxRequestLineBytes: HTTP1_DEFAULTS.maxRequestLineBytes,
  headersTimeoutMs: HTTP1_DEFAULTS.headersTimeoutMs,
  requestTimeoutMs: HTTP1_DEFAULTS.requestTimeoutMs,
  minBodyBytesPerSecond: HTTP1_DEFAULTS.minBodyBytesPerSecond,
  keepAliveTimeoutMs: HTTP1_DEFAULTS.keepAliveTimeoutMs,
};

/** Ranges of {@link WebOptions}. */
export const WEB_RANGES: Ranges<WebOptions> = {
  maxRequestLineBytes: HTTP1_RANGES.maxRequestLineBytes,
  headersTimeoutMs: HTTP1_RANGES.headersTimeoutMs,
  requestTimeoutMs: HTTP1_RANGES.requestTimeoutMs,
  minBodyBytesPerSecond: HTTP1_RANGES.minBodyBytesPerSecond,
  keepAliveTimeoutMs: HTTP1_RANGES.keepAliveTimeoutMs,
};

/** Resolved options of the web protocols. */
export interface WebSettings {
  /** Web pages that may call. */
  readonly cors: CorsPolicy;
  /** Further hosts that requests may name. */
  readonly allowedHosts: readonly string[];
  /** Limits of HTTP/1.1 connections. */
  readonly http1: Http1Limits;
  /** Whether WebSockets may be opened. */
  readonly webSockets: boolean;
  /** Limits of WebSockets. */
  readonly webSocketLimits: WebSocketLimits;
}

/** Throws TypeError for values of the wrong type and for unknown names, and RangeError for numbers out of range. */
export function checkWebOptions(web: boolean | WebOptions | undefined): void {
  if (web === undefined || typeof web === "boolean") return;
  checkNames("web of serve", web, WEB_DEFAULTS);
  checkRanges(web, WEB_RANGES, "web.");
  if (web.cors !== undefined) checkCors(web.cors);
  if (web.allowedHosts !== undefined) checkHosts(web.allowedHosts);
}

/** Throws TypeError for what is not a list of hosts. */
export function checkHosts(hosts: unknown): void {
  if (!Array.isArray(hosts)) {
    throw new TypeError("Cannot use web.allowedHosts: it must be a list");
  }
  for (const host of hosts) if (host !== "*") checkedHost(host);
}

// Scheme, host and port (RFC 6454 §6.1). A host with `*` would be compared as it stands.
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(?:\[[0-9a-f:.]+\]|[^\s/?#:@[\]*]+)(?::[0-9]{1,5})?$/i;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;

/** Throws TypeError for values of the wrong type and for unknown names, and RangeError for numbers out of range. */
export function checkCors(cors: CorsOptions): void {
  checkNames("web.cors", cors, CORS_DEFAULTS);
  checkList("origins", cors.origins, (text) => text === "*" || sentOrigin(text) !== undefined);
  for (const name of ["headers", "exposedHeaders"] as const) {
    if (cors[name] !== undefined) checkList(name, cors[name], (text) => FIELD_NAME.test(text));
  }
  if (cors.maxAgeMs !== undefined) checkRange("web.cors.maxAgeMs", cors.maxAgeMs, measured(0));
  if (cors.credentials && cors.origins.includes("*")) {
    throw new TypeError(
      'Cannot use web.cors.credentials with the origin "*": any page could act for its visitors',
    );
  }
  // Fetch standard: with credentials, "*" is the name of a field.
  if (cors.credentials && cors.exposedHeaders?.includes("*")) {
    throw new TypeError(
      'Cannot use "*" in web.cors.exposedHeaders with credentials: list the fields',
    );
  }
}

/**
 * Returns an origin as browsers send it, undefined for a text that is none: of http and https in lower case, in ASCII
 * (Punycode) and without the scheme's default port (HTML standard, "serialization of an origin").
 */
function sentOrigin(text: string): string | undefined {
  if (!ORIGIN.test(text)) return undefined;
  return /^https?:/i.test(text) ? URL.parse(text)?.origin : text.toLowerCase();
}

function checkList(name: string, list: unknown, isValid: (text: string) => boolean): void {
  if (!Array.isArray(list)) throw new TypeError(`Cannot use web.cors.${name}: it must be a list`);
  for (const text of list) {
    if (typeof text === "string" && isValid(text)) continue;
    const example = name === "origins" ? "https://app.example" : "x-request-id";
    throw new TypeError(
      `Cannot use ${JSON.stringify(text)} in web.cors.${name}: use the form ${example}`,
    );
  }
}

/** Resolves the options; without any, no page may call. */
export function corsPolicy(cors: CorsOptions | undefined): CorsPolicy {
  if (cors === undefined) return NO_CORS;
  return {
    origins: cors.origins.map((text) => sentOrigin(text) ?? text),
    headers: cors.headers ?? [],
    exposedHeaders: cors.exposedHeaders ?? [],
    credentials: cors.credentials ?? false,
    maxAgeMs: cors.maxAgeMs ?? CORS_DEFAULTS.maxAgeMs!,
  };
}

/** Resolves the options; undefined if the web protocols are off. */
export function webSettings(
  web: boolean | WebOptions | undefined,
  limits: ServerLimits,
  maxConnectionIdleMs = Infinity,
): WebSettings | undefined {
  if (!web) return undefined;
  const options = web === true ? {} : web;
  const { cors, keepAliveTimeoutMs = HTTP1_DEFAULTS.keepAliveTimeoutMs } = options;
  return {
    cors: corsPolicy(cors),
    allowedHosts: [...options.allowedHosts ?? []],
    webSockets: options.webSockets ?? true,
    webSocketLimits: {
      overheadBurst: limits.overheadBurst ?? SHARED_LIMITS.overheadBurst,
      overheadPerSecond: limits.overheadPerSecond ?? SHARED_LIMITS.overheadPerSecond,
      resetBurst: limits.resetBurst ?? SHARED_LIMITS.resetBurst,
      resetsPerSecond: limits.resetsPerSecond ?? SHARED_LIMITS.resetsPerSecond,
      stallTimeoutMs: limits.stallTimeoutMs ?? SHARED_LIMITS.stallTimeoutMs,
    },
    http1: {
      ...HTTP1_DEFAULTS,
      ...defined({
        maxRequestLineBytes: options.maxRequestLineBytes,
        headersTimeoutMs: options.headersTimeoutMs,
        requestTimeoutMs: options.requestTimeoutMs,
        minBodyBytesPerSecond: options.minBodyBytesPerSecond,
      }),
      maxHeaderBytes: limits.maxHeaderListBytes ?? SHARED_LIMITS.maxHeaderListBytes,
      maxHeaderFields: limits.maxHeaderFields ?? SHARED_LIMITS.maxHeaderFields,
      stallTimeoutMs: limits.stallTimeoutMs ?? SHARED_LIMITS.stallTimeoutMs,
      keepAliveTimeoutMs: Math.min(keepAliveTimeoutMs, maxConnectionIdleMs),
      // Bounded by the limit of a message; a stream of requests has no bound.
      maxBodyBytes: Infinity,
    },
  };
}

function defined(limits: Http1Limits): Http1Limits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
