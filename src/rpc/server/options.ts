/**
 * What `serve` can be told, and what a server tells about itself.
 *
 * @module
 */

import { checkRanges, type Ranges, whole } from "../../limits/ranges.ts";
import type { GrpcServerOptions } from "../../grpc/server.ts";
import { HTTP2_RANGES } from "../../http2/options.ts";
import {
  checkLeanOptions,
  type LeanServeOptions,
  type LeanServerOptions,
} from "../../lean/options.ts";
import type { TlsServerOptions } from "../../transport/tls_options.ts";
import type { CallStats } from "./call_host.ts";
import type { DispatcherWrapper } from "../dispatch/dispatcher.ts";
import type { CallObserver } from "../core/observer.ts";
import type { Interceptor } from "../core/types.ts";

/**
 * Options of `serve`. Limits of the wires (`maxReceiveMessageBytes`, `maxConcurrentStreams`,
 * `keepaliveTimeMs`, `maxConnectionAgeMs` …) apply to every connection.
 */
export interface ServeOptions extends Omit<GrpcServerOptions, "infoText"> {
  /**
   * Limits of lean connections alone; given here, those that HTTP/2 has too differ between the wires. Default: each
   * its own. Options of both wires go for lean as well, but where they are not given two defaults differ there:
   * `overheadPerSecond` (1,000 instead of 100) and `maxOutputBytes` (128 KiB instead of 256 KiB).
   */
  lean?: LeanServeOptions;
  /** Speak TLS on every address. Default: plain text. */
  tls?: TlsServerOptions;
  /** Go around every handler, the first outermost; those of `router.use` come inside of them. */
  interceptors?: readonly Interceptor[];
  /** Watches every call, for metrics. Default: nobody. */
  observer?: CallObserver;
  /** Compress replies for callers that take gzip, unless a handler says otherwise. Default false. */
  compress?: boolean;
  /** Let several threads listen on the same TCP port. Needs `--unstable-net`. Default false. */
  reusePort?: boolean;
  /** Goes around the registry: limits, timeouts, a worker pool, or a dispatcher of one's own. */
  dispatcher?: DispatcherWrapper;
  /**
   * Open connections beyond which new ones are closed at once: 1 or more, Infinity for no bound. Default 16,384
   * (half a gigabyte when idle).
   */
  maxConnections?: number;
  /**
   * What all connections together may hold of messages that are incomplete or wait to be sent; beyond it
   * calls are answered RESOURCE_EXHAUSTED. 1 or more, Infinity for no bound. Default 64 MiB.
   */
  maxBufferedBytes?: number;
  /** How long a connection may take from accept to a complete preface, TLS included; 1 or more. Default 5,000. */
  prefaceTimeoutMs?: number;
  /** Vsock context ids that may connect; others are closed at once. Default: all. */
  allowVsockCids?: readonly number[];
  /** What people read who come with a browser; plain text. Default: the name and what is spoken. */
  infoText?: string;
}

/** Figures of a server, counted since it started. */
export interface ServerStats {
  /** Connections. */
  connections: {
    /** Open now. */
    open: number;
    /** Ever accepted. */
    accepted: number;
    /** Closed at once: over `maxConnections`, or a vsock context id that may not connect. */
    refused: number;
    /** That spoke gRPC. */
    grpc: number;
    /** That spoke lean. */
    lean: number;
    /** That spoke HTTP/1 and got a short answer. */
    http1: number;
    /** That spoke something else. */
    unknown: number;
    /** That ended, failed or took too long before they had spoken. */
    unopened: number;
  };
  /** Calls; those inside of batch streams as well as the streams themselves. */
  calls: CallStats & {
    /** Open, or given up with a handler that still runs; without those inside of batch streams. */
    active: number;
  };
  /** What all connections hold of messages that are incomplete or wait to be sent; see `maxBufferedBytes`. */
  bufferedBytes: number;
}

/** The application protocols of TLS listeners, best first. */
export const SERVER_ALPN: readonly string[] = ["h2", "vrpc-lean/1"];

/** The default of `maxConnections`. */
export const DEFAULT_MAX_CONNECTIONS = 16_384;

/** The default of `prefaceTimeoutMs`. */
export const DEFAULT_PREFACE_TIMEOUT_MS = 5_000;

/** The default of `graceMs` of a shutdown. */
export const DEFAULT_GRACE_MS = 5_000;

/** The default of `infoText`. */
export const ABOUT_TEXT =
  "This is a vrpc server. It speaks gRPC (HTTP/2 with prior knowledge, or ALPN h2 on TLS) and lean RPC.\n";

// Both wires apply where both have a say: what one of them could not work with is refused.
const RANGES: Ranges<ServeOptions> = {
  ...HTTP2_RANGES,
  maxReceiveMessageBytes: whole(1),
  maxConnections: whole(1, Infinity),
  maxBufferedBytes: whole(1, Infinity),
};

/** Throws RangeError for options that no connection could work with. */
export function checkServeOptions(options: ServeOptions): void {
  checkRanges(options, RANGES);
  if (options.lean !== undefined) checkLeanOptions(options.lean);
}

/** What lean connections are told: what both wires are, with what is said of lean alone in its place. */
export function leanServerOptions(options: ServeOptions): LeanServerOptions {
  const { lean, ...shared } = options;
  const given = Object.entries(lean ?? {}).filter(([, value]) => value !== undefined);
  return { ...shared, ...Object.fromEntries(given) };
}
