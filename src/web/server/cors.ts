/**
 * Cross-origin requests of browsers (Fetch standard, "CORS protocol").
 *
 * A request with an Origin comes from a web page. Pages of origins that are not allowed are refused, also where the
 * browser would not ask first, so that no page can use a server that it only reaches through its visitor's network.
 *
 * @module
 */

import { fieldValue, type HttpExchange } from "./exchange.ts";

/** Which web pages may call a server. */
export interface CorsPolicy {
  /** Origins such as `https://app.example`; `*` for all. */
  readonly origins: readonly string[];
  /** Request fields allowed beside those of the protocols; `*` for all. */
  readonly headers: readonly string[];
  /** Response fields that pages may read, beside those of the protocols. */
  readonly exposedHeaders: readonly string[];
  /** Whether pages may send cookies and other credentials. */
  readonly credentials: boolean;
  /** Time for which browsers keep the answer to a preflight request, in ms. */
  readonly maxAgeMs: number;
}

/** Policy that allows no page. */
export const NO_CORS: CorsPolicy = {
  origins: [],
  headers: [],
  exposedHeaders: [],
  credentials: false,
  maxAgeMs: 0,
};

const REQUEST_FIELDS = [
  ...["accept-encoding", "authorization", "connect-accept-encoding", "connect-content-encoding"],
  ...["connect-protocol-version", "connect-timeout-ms", "content-encoding", "content-type"],
  ...["grpc-accept-encoding", "grpc-encoding", "grpc-timeout", "user-agent", "x-grpc-web"],
  "x-user-agent",
];
const RESPONSE_FIELDS = [
  ...["connect-accept-encoding", "connect-content-encoding", "content-encoding"],
  ...["grpc-accept-encoding", "grpc-encoding", "grpc-message", "grpc-status"],
  "grpc-status-details-bin",
];
// Firefox's most; the other browsers keep preflights no longer.
const MAX_AGE_SECONDS = 86_400;
const TOKENS = /^[!#$%&'*+.^_`|~0-9a-zA-Z, \t-]{1,2048}$/;
const NOTHING: readonly string[] = [];
const VARY: readonly string[] = ["vary", "origin"];
const ANY_ORIGIN: readonly string[] = ["access-control-allow-origin", "*"];

/** Applies a {@link CorsPolicy}. */
export class Cors {
  readonly #policy: CorsPolicy;
  readonly #origins: ReadonlySet<string>;
  readonly #anyOrigin: boolean;
  readonly #allowed: string;
  readonly #exposed: string;
  /** Fields of responses where every origin may call. */
  readonly #anyOriginFields: readonly string[];

  /** Creates a check of origins. */
  constructor(policy: CorsPolicy) {
    this.#policy = policy;
    this.#origins = new Set(policy.origins.map((origin) => origin.toLowerCase()));
    this.#anyOrigin = this.#origins.has("*");
    this.#allowed = [...REQUEST_FIELDS, ...policy.headers].join(", ");
    const trailers = policy.exposedHeaders.map((name) => `trailer-${name}`);
    this.#exposed = [...RESPONSE_FIELDS, ...policy.exposedHeaders, ...trailers].join(", ");
    this.#anyOriginFields = [...ANY_ORIGIN, "access-control-expose-headers", this.#exposed];
  }

  /**
   * Fields of the response to a request with this Origin, undefined for none; null if the origin is not allowed. A cached
   * response to GET must do for pages too, so it has the fields without an Origin, or depends on it (Fetch standard, "CORS
   * protocol and HTTP caches").
   */
  fieldsFor(origin: string | undefined, method: string): readonly string[] | null {
    if (this.#anyOrigin) {
      return origin === undefined && method === "POST" ? NOTHING : this.#anyOriginFields;
    }
    if (origin === undefined) return this.#origins.size === 0 ? NOTHING : VARY;
    if (!this.#origins.has(origin.toLowerCase())) return null;
    return [...this.#originFields(origin), "access-control-expose-headers", this.#exposed];
  }

  /**
   * Whether a request by GET may have been caused by this site (`Sec-Fetch-Site` of Fetch Metadata, undefined for none).
   * Pages embed images and scripts of other sites without an Origin.
   */
  allowsSite(origin: string | undefined, site: string | undefined): boolean {
    return this.#anyOrigin || origin !== undefined || site !== "cross-site" && site !== "same-site";
  }

  /** Fields of the response to a preflight request; null if its origin is not allowed. */
  preflightFields(exchange: HttpExchange, origin: string): readonly string[] | null {
    if (!this.#anyOrigin && !this.#origins.has(origin.toLowerCase())) return null;
    const asked = fieldValue(exchange.fields, "access-control-request-headers");
    const all = this.#policy.headers.includes("*") && asked !== undefined && TOKENS.test(asked);
    return [
      ...this.#originFields(origin),
      "access-control-allow-methods",
      "GET, POST",
      "access-control-allow-headers",
      all ? asked : this.#allowed,
      "access-control-max-age",
      String(Math.min(MAX_AGE_SECONDS, Math.floor(this.#policy.maxAgeMs / 1_000))),
    ];
  }

  #originFields(origin: string): readonly string[] {
    if (this.#anyOrigin) return ANY_ORIGIN;
    const fields = ["access-control-allow-origin", origin, ...VARY];
    if (this.#policy.credentials) fields.push("access-control-allow-credentials", "true");
    return fields;
  }
}
