/**
 * Options of a lean connection, with their defaults.
 *
 * @module
 */

import {
  LEAN_LIMITS,
  LIFETIME_DEFAULTS,
  type LifetimeOptions,
  MAX_RECEIVE_MESSAGE_BYTES,
  MIN_CLIENT_KEEPALIVE_MS,
  SERVER_KEEPALIVE_TIME_MS,
  type ServerLimits,
  SHARED_LIMITS,
} from "../limits/connection_limits.ts";
import type { MemoryPool } from "../limits/memory_pool.ts";

/** Limits of a connection that apply to the lean wire. */
type LeanLimits = Required<
  Pick<ServerLimits, keyof typeof SHARED_LIMITS | keyof typeof LEAN_LIMITS>
>;

/** Options of one lean connection, for either side. */
export interface LeanOptions extends LeanLimits, LifetimeOptions {
  /** Largest message accepted, in bytes. Default 4 MiB. On a client, each call has its own limit. */
  maxReceiveMessageBytes: number;
  /** Memory limit that this connection shares with the other connections of its server. Default: none. */
  memory: MemoryPool | undefined;
}

/** Options of a {@link LeanServerConnection}; all have defaults. */
export type LeanServerOptions = Partial<LeanOptions>;

/**
 * What calls may lose over version 1 of the lean wire; calls that would lose anything else fail.
 *
 * @category Client
 */
export type Version1Loss =
  /** Metadata: calls are sent without it. */
  | "without_metadata"
  /** Deadlines: only the client enforces them, and handlers continue after them. */
  | "without_deadlines";

/** Options of a {@link LeanClientConnection}; all have defaults. */
export interface LeanClientOptions extends Partial<LeanOptions> {
  /**
   * Whether ALPN negotiated `vrpc-lean/1`, so that the peer supports the hello: calls then start at once, with the
   * hello's defaults, instead of after the peer's hello. Default false.
   */
  peerKnowsHello?: boolean;
  /**
   * Inflates a gzip message for a server that does not accept gzip: messages are compressed before the connection of
   * the call is chosen. Undefined if the caller compresses and reads no gzip, as in browsers; the hello then offers none.
   */
  inflate?: (message: Uint8Array) => Uint8Array;
  /**
   * Whether a server that does not answer the hello with its own is used in version 1, and what calls may lose over it.
   * Default false: the connection ends.
   */
  allowVersion1?: boolean | Version1Loss | readonly Version1Loss[];
}

/** Defaults of {@link LeanOptions} on a client. */
export const DEFAULT_LEAN_OPTIONS: Readonly<LeanOptions> = {
  ...SHARED_LIMITS,
  ...LEAN_LIMITS,
  ...LIFETIME_DEFAULTS,
  maxReceiveMessageBytes: MAX_RECEIVE_MESSAGE_BYTES,
  memory: undefined,
};

// Divisor of `maxOutputBytes` on the lean wire: with half as much output framed ahead of the socket as on HTTP/2 (128
// instead of 256 KiB), messages of 1 MiB take 6 % to 10 % less processor time. On HTTP/2 they would take more.
const OUTPUT_DIVISOR = 2;

// Connections with the same options object share one completed record, to save memory on idle connections.
const complete = new WeakMap<object, Readonly<LeanOptions>>();

/** Fills in defaults and drops unknown names. Does not check values: the server or channel checks them once. */
export function leanOptions(
  options: Partial<LeanOptions>,
  side: "client" | "server",
): Readonly<LeanOptions> {
  const known = complete.get(options);
  if (known !== undefined) return known;
  const all = { ...DEFAULT_LEAN_OPTIONS };
  if (side === "server") all.keepaliveTimeMs = SERVER_KEEPALIVE_TIME_MS;
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined && key in all) (all as Record<string, unknown>)[key] = value;
  }
  all.maxOutputBytes = Math.ceil(all.maxOutputBytes / OUTPUT_DIVISOR);
  if (side === "client") {
    all.keepaliveTimeMs = Math.max(all.keepaliveTimeMs, MIN_CLIENT_KEEPALIVE_MS);
  }
  complete.set(options, all);
  return all;
}
