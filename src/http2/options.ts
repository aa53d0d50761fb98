/**
 * Options of an HTTP/2 connection, flat and complete.
 *
 * @module
 */

import {
  HTTP2_LIMITS,
  LIFETIME_DEFAULTS,
  type LifetimeOptions,
  type ServerLimits,
  SHARED_LIMITS,
} from "../limits/connection_limits.ts";
import type { MemoryPool } from "../limits/memory_pool.ts";

/** Limits of a connection that apply to HTTP/2. */
type Http2Limits = Required<
  Pick<ServerLimits, keyof typeof SHARED_LIMITS | keyof typeof HTTP2_LIMITS>
>;

/** Options of one HTTP/2 connection, for either side. */
export interface Http2Options extends Http2Limits, LifetimeOptions {
  /** Memory pool that this connection shares with the server's other connections. Default: no bound. */
  memory: MemoryPool | undefined;
}

/** Defaults of {@link Http2Options}. */
export const DEFAULT_HTTP2_OPTIONS: Readonly<Http2Options> = {
  ...SHARED_LIMITS,
  ...HTTP2_LIMITS,
  ...LIFETIME_DEFAULTS,
  memory: undefined,
};

/** Fills in defaults and drops unknown names. Values are not checked here, but when a server or channel is created. */
export function http2Options(options: Partial<Http2Options>): Http2Options {
  const all = { ...DEFAULT_HTTP2_OPTIONS };
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined && key in all) (all as Record<string, unknown>)[key] = value;
  }
  return all;
}
