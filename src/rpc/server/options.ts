/**
 * Options of a server, and its statistics.
 *
 * @module
 */

import { inspect } from "node:util";
import {
  HTTP2_LIMITS,
  LEAN_LIMITS,
  LIFETIME_DEFAULTS,
  LIFETIME_RANGES,
  MAX_RECEIVE_MESSAGE_BYTES,
  RECEIVE_MESSAGE_RANGE,
  SERVER_KEEPALIVE_TIME_MS,
  SERVER_LIMIT_RANGES,
  SERVER_TOTALS,
  type ServerLimits,
  SHARED_LIMITS,
} from "../../limits/connection_limits.ts";
import { MemoryPool } from "../../limits/memory_pool.ts";
import { checkNames, checkRanges, type Defaults, type Ranges, whole } from "../../limits/ranges.ts";
import { DEFAULT_UNIX_MODE } from "../../transport/unix.ts";
import type { TlsServerOptions } from "../../transport/tls_options.ts";
import type { TlsWatch } from "../../transport/tls_watch.ts";
import { type Encoding, ENCODINGS } from "../../call/encodings.ts";
import type { StatusName } from "../../call/status.ts";
import type { DispatcherWrapper } from "../dispatch/dispatcher.ts";
import { checkAttestationPolicy, checkAttester } from "../../attestation/checks.ts";
import type { AttestationPolicy, Attester } from "../../attestation/types.ts";
import { checkEncodings, encodingsOf } from "../core/encodings_option.ts";
import type { CallObserver } from "../core/observer.ts";
import type { Interceptor } from "../core/types.ts";
import { checkWebOptions, type WebOptions, type WebSettings, webSettings } from "./web_options.ts";

/**
 * Options of {@link serve}. Times are in ms, Infinity for never; sizes are in bytes. An unknown name is a TypeError, a
 * number out of its range a RangeError.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 *
 * await using server = await serve("0.0.0.0:50051", () => {}, {
 *   maxReceiveMessageBytes: 16 * 1024 * 1024,
 *   maxConnectionAgeMs: 30 * 60_000,
 *   limits: { maxConcurrentStreams: 100, maxConnections: 1_000 },
 * });
 * ```
 *
 * @category Server
 */
export interface ServeOptions {
  /** TLS on every address: certificates, or `watchTls` of their files. Default none: plain text. */
  tls?: TlsServerOptions | TlsWatch;
  /**
   * Proves this server to clients that ask for it (`attest` of `connect`), bound to the TLS connection. Without `tls`, the
   * server then has TLS with a key that is made at its start and kept in memory, unless the attester's channel is
   * `vsock`. Default none.
   */
  attestation?: Attester;
  /**
   * Asks clients for documents, and verifies them; see `attestedPeer` for the calls that need one. Needs `attestation`.
   * Default none.
   */
  attestPeers?: AttestationPolicy;
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
  /** Silence after which a connection is pinged. 1 or more. Default 7,200,000 (two hours, grpc-go's). */
  keepaliveTimeMs?: number;
  /** Time for the answer to that ping before the connection is closed. 1 or more. Default 20,000. */
  keepaliveTimeoutMs?: number;
  /** Time without calls after which a connection is drained and closed. 1 or more. Default Infinity. */
  maxConnectionIdleMs?: number;
  /** Age at which a connection is drained, so that clients spread over new servers. 1 or more. Default Infinity. */
  maxConnectionAgeMs?: number;
  /** Time for open calls after the drain for age; then they are cancelled. 0 or more. Default Infinity. */
  maxConnectionAgeGraceMs?: number;
  /** Vsock context ids that may connect; connections from others are closed at once. Default all. */
  allowVsockCids?: readonly number[];
  /** Whether several threads may listen on the same TCP port. Needs `--unstable-net`. Default false. */
  reusePort?: boolean;
  /**
   * Permissions of the files of Unix sockets (`unix:`, `hvsock:`), such as 0o660; connecting needs the right to write.
   * 0 to 511. Default 384 (0o600: the same user only).
   */
  unixMode?: number;
  /** Plain text for browsers and curl at `GET /`. Default a sentence that names the protocols. */
  infoText?: string;
  /**
   * gRPC-Web and Connect on the same addresses, over HTTP/1.1 and HTTP/2: true, or their options. Default false: HTTP/1.1
   * is answered 426.
   */
  web?: boolean | WebOptions;
  /** Limits against overload and abuse, the same for all wires. Default each limit's own. */
  limits?: ServerLimits;
}

/**
 * Statistics of a server, counted from its start.
 *
 * @category Server
 */
export interface ServerStats {
  /** Counters of connections. */
  connections: {
    /** Connections that are open now. */
    open: number;
    /** Connections accepted so far. */
    accepted: number;
    /** Connections closed at once: above `maxConnections`, or from a vsock context id that is not allowed. */
    refused: number;
    /** Connections over HTTP/2. */
    grpc: number;
    /** Connections over the lean wire. */
    lean: number;
    /** Connections over HTTP/1; without `web` they are answered with 426 Upgrade Required. */
    http1: number;
    /** Connections with any other protocol. */
    unknown: number;
    /** Connections that ended, failed or timed out before the protocol was known. */
    unopened: number;
  };
  /** Counters of calls, including batched calls and the streams that carry them. */
  calls: {
    /** Calls that arrived. */
    started: number;
    /** Calls that ended with OK. */
    succeeded: number;
    /** Calls that ended with another status, by its name. */
    failed: Partial<Record<StatusName, number>>;
    /** Calls that are open, or cancelled with a handler that still runs; without batched calls. */
    active: number;
  };
  /** Bytes of incomplete, unread and unsent messages on all connections; see `limits.maxBufferedBytes`. */
  bufferedBytes: number;
}

/** Application protocols of TLS listeners (RFC 7301), best first. */
export const SERVER_ALPN: readonly string[] = ["h2", "vrpc-lean/1"];

/** The same with HTTP/1.1, for servers of the web protocols. */
export const WEB_ALPN: readonly string[] = [...SERVER_ALPN, "http/1.1"];

/** Default of `graceMs` of a shutdown. */
export const DEFAULT_GRACE_MS = 5_000;

/** Defaults of {@link ServerLimits}. */
export const SERVER_LIMIT_DEFAULTS: Defaults<ServerLimits> = {
  ...SHARED_LIMITS,
  ...HTTP2_LIMITS,
  ...LEAN_LIMITS,
  ...SERVER_TOTALS,
};

/** Defaults of {@link ServeOptions}. */
export const SERVE_DEFAULTS: Defaults<ServeOptions> = {
  tls: undefined,
  attestation: undefined,
  attestPeers: undefined,
  interceptors: undefined,
  dispatcher: undefined,
  observer: undefined,
  printFailures: true,
  maxReceiveMessageBytes: MAX_RECEIVE_MESSAGE_BYTES,
  compress: false,
  encodings: ENCODINGS,
  keepaliveTimeMs: SERVER_KEEPALIVE_TIME_MS,
  keepaliveTimeoutMs: LIFETIME_DEFAULTS.keepaliveTimeoutMs,
  maxConnectionIdleMs: LIFETIME_DEFAULTS.maxConnectionIdleMs,
  maxConnectionAgeMs: LIFETIME_DEFAULTS.maxConnectionAgeMs,
  maxConnectionAgeGraceMs: LIFETIME_DEFAULTS.maxConnectionAgeGraceMs,
  allowVsockCids: undefined,
  reusePort: false,
  unixMode: DEFAULT_UNIX_MODE,
  infoText:
    "This is a vrpc server. It speaks gRPC (HTTP/2 with prior knowledge, or ALPN h2 on TLS) and lean RPC.\n",
  web: false,
  limits: undefined,
};

/** Default of {@link ServeOptions.infoText} with the web protocols. */
const WEB_INFO =
  "This is a vrpc server. It speaks gRPC (HTTP/2 with prior knowledge, or ALPN h2 on TLS), lean RPC, gRPC-Web and Connect.\n";

/** Ranges of {@link ServeOptions}. */
export const SERVE_RANGES: Ranges<ServeOptions> = {
  maxReceiveMessageBytes: RECEIVE_MESSAGE_RANGE,
  keepaliveTimeMs: LIFETIME_RANGES.keepaliveTimeMs,
  keepaliveTimeoutMs: LIFETIME_RANGES.keepaliveTimeoutMs,
  maxConnectionIdleMs: LIFETIME_RANGES.maxConnectionIdleMs,
  maxConnectionAgeMs: LIFETIME_RANGES.maxConnectionAgeMs,
  maxConnectionAgeGraceMs: LIFETIME_RANGES.maxConnectionAgeGraceMs,
  unixMode: whole(0, 0o777),
};

/** Throws TypeError for unknown names, and RangeError for numbers out of range. */
export function checkServeOptions(options: ServeOptions): void {
  const limitNames = Object.keys(SERVER_LIMIT_DEFAULTS);
  const everywhere = [
    ...Object.keys(SERVE_DEFAULTS),
    ...limitNames.map((name) => `limits.${name}`),
  ];
  checkNames("serve", options, SERVE_DEFAULTS, everywhere);
  checkRanges(options, SERVE_RANGES);
  checkEncodings(options.encodings);
  checkCids(options.allowVsockCids);
  checkWebOptions(options.web);
  checkAttestation(options);
  const { limits } = options;
  if (limits === undefined) return;
  checkNames("limits of serve", limits, SERVER_LIMIT_DEFAULTS, [
    ...limitNames,
    ...Object.keys(SERVE_DEFAULTS),
  ]);
  checkRanges(limits, SERVER_LIMIT_RANGES, "limits.");
}

/** Throws TypeError for an attester or a policy that cannot work. */
function checkAttestation({ attestation, attestPeers, tls }: ServeOptions): void {
  if (attestation === undefined) {
    if (attestPeers === undefined) return;
    throw new TypeError(
      "Cannot use attestPeers without attestation: the server proves itself first",
    );
  }
  checkAttester("attestation", attestation);
  if (attestPeers !== undefined) checkAttestationPolicy("attestPeers", attestPeers);
  const { channel = "tls" } = attestation;
  if (channel === "vsock" && tls !== undefined) {
    throw new TypeError('Cannot use tls with an attester of channel "vsock", which is without TLS');
  }
  if (tls !== undefined && "alternatives" in tls && tls.alternatives !== undefined) {
    throw new TypeError("Cannot use tls.alternatives with attestation: one key is attested");
  }
  if (attestPeers !== undefined && attestPeers.channel !== channel) {
    throw new TypeError("Cannot use attestPeers: its channel is not that of attestation");
  }
}

// Largest context id of a peer: 2³²−1 is the wildcard VMADDR_CID_ANY.
const MAX_CID = 0xfffffffe;

function checkCids(cids: unknown): void {
  if (cids === undefined) return;
  const fits = (cid: unknown) =>
    Number.isInteger(cid) && cid as number >= 0 && cid as number <= MAX_CID;
  if (Array.isArray(cids) && cids.every(fits)) return;
  throw new TypeError(
    `Cannot use allowVsockCids ${
      inspect(cids)
    }: it must be a list of integers from 0 to ${MAX_CID}`,
  );
}

/** Options of a server's connections, resolved once for all of them. */
export interface ConnectionSettings {
  /** {@link ServeOptions.allowVsockCids}. */
  readonly allowVsockCids: readonly number[] | undefined;
  /** {@link ServerLimits.maxConnections}. */
  readonly maxConnections: number;
  /** {@link ServerLimits.prefaceTimeoutMs}. */
  readonly prefaceTimeoutMs: number;
  /** {@link ServerLimits.stallTimeoutMs}. */
  readonly stallTimeoutMs: number;
  /** {@link ServeOptions.infoText}. */
  readonly infoText: string;
  /** {@link ServeOptions.maxReceiveMessageBytes}. */
  readonly maxReceiveMessageBytes: number;
  /** {@link ServeOptions.encodings}. */
  readonly encodings: readonly Encoding[];
  /** Handlers that run at once on a connection: {@link ConnectionLimits.maxConcurrentStreams}. */
  readonly maxHandlers: number;
  /** Options of the web protocols; undefined if they are off. */
  readonly web: WebSettings | undefined;
  /** {@link ServeOptions.maxConnectionAgeMs}. */
  readonly maxConnectionAgeMs: number;
  /** {@link ServeOptions.maxConnectionAgeGraceMs}. */
  readonly maxConnectionAgeGraceMs: number;
  /** Memory limit on the message buffers of all connections together. */
  readonly memory: MemoryPool;
  /**
   * Flat options of engines, only those that were given; each engine fills in its defaults and drops the other wire's.
   */
  readonly engine: EngineOptions;
}

/** Options that both wires' engines of a server take. */
export interface EngineOptions extends ServerLimits {
  readonly memory: MemoryPool;
  readonly infoText: string;
  readonly maxReceiveMessageBytes: number;
  readonly encodings: readonly Encoding[];
  readonly keepaliveTimeMs?: number;
  readonly keepaliveTimeoutMs?: number;
  readonly maxConnectionIdleMs?: number;
  readonly maxConnectionAgeMs?: number;
  readonly maxConnectionAgeGraceMs?: number;
}

/** Resolves the options of a server's connections. */
export function connectionSettings(options: ServeOptions): ConnectionSettings {
  const { limits = {}, allowVsockCids } = options;
  const memory = new MemoryPool(limits.maxBufferedBytes ?? SERVER_TOTALS.maxBufferedBytes);
  const encodings = encodingsOf(options.encodings);
  const web = webSettings(options.web, limits, options.maxConnectionIdleMs);
  const infoText = options.infoText ?? (web === undefined ? SERVE_DEFAULTS.infoText! : WEB_INFO);
  const maxReceiveMessageBytes = options.maxReceiveMessageBytes ?? MAX_RECEIVE_MESSAGE_BYTES;
  return {
    allowVsockCids,
    maxConnections: limits.maxConnections ?? SERVER_TOTALS.maxConnections,
    prefaceTimeoutMs: limits.prefaceTimeoutMs ?? SHARED_LIMITS.prefaceTimeoutMs,
    stallTimeoutMs: limits.stallTimeoutMs ?? SHARED_LIMITS.stallTimeoutMs,
    infoText,
    maxReceiveMessageBytes,
    encodings,
    maxHandlers: limits.maxConcurrentStreams ?? SHARED_LIMITS.maxConcurrentStreams,
    web,
    maxConnectionAgeMs: options.maxConnectionAgeMs ?? LIFETIME_DEFAULTS.maxConnectionAgeMs,
    maxConnectionAgeGraceMs: options.maxConnectionAgeGraceMs ??
      LIFETIME_DEFAULTS.maxConnectionAgeGraceMs,
    memory,
    engine: {
      ...limits,
      memory,
      infoText,
      maxReceiveMessageBytes,
      encodings,
      keepaliveTimeMs: options.keepaliveTimeMs,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs,
      maxConnectionIdleMs: options.maxConnectionIdleMs,
      maxConnectionAgeMs: options.maxConnectionAgeMs,
      maxConnectionAgeGraceMs: options.maxConnectionAgeGraceMs,
    },
  };
}
