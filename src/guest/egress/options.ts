/**
 * Options of an egress proxy, with their ranges and defaults.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { checkFunctions, checkRanges, measured, type Ranges, whole } from "../../limits/ranges.ts";
import { resolveHost, type Resolver } from "../../transport/resolve.ts";
import { AllowList } from "./allow_list.ts";

/**
 * Options of `serveEgress`.
 *
 * @category Egress
 */
export interface EgressOptions {
  /**
   * Hosts and ports that may be connected to, as `host:port`. Names are compared as they are requested, without regard
   * to case; wildcards are not supported. An IP address in this list is allowed whatever its range.
   */
  allow: readonly string[];
  /**
   * Ranges of special IP addresses (loopback, private, link-local and the others of RFC 6890) that listed names may
   * resolve to, such as `10.0.0.0/8`. Default: none, so that no answer of a name server leads into the parent's network.
   */
  allowAddresses?: readonly string[];
  /** Context ids that may connect over vsock. Default: all. Peers on other transports are not affected. */
  allowVsockCids?: readonly number[];
  /** Most connections open at once, 1 to 65,535; further ones are answered with 503. Default 256. */
  maxConnections?: number;
  /** Bytes of both directions of a tunnel after which it is closed. Default: no limit. */
  maxTunnelBytes?: number;
  /** Time limit for the request, in ms. Default 10,000. */
  requestTimeoutMs?: number;
  /** Time limit for resolving the name and connecting, in ms. Default 10,000. */
  connectTimeoutMs?: number;
  /** Time without a byte after which a tunnel is closed, in ms. Default 300,000. */
  idleTimeoutMs?: number;
  /** Permissions of the file of a Unix socket (`unix:`, `hvsock:`). Default 0o600: the same user only. */
  unixMode?: number;
  /** Resolver of host names. Default: A and AAAA records, and this machine's hosts file. */
  resolver?: Resolver;
}

/** Ranges of the numeric options. */
export const EGRESS_RANGES: Ranges<EgressOptions> = {
  maxConnections: whole(1, 65_535),
  maxTunnelBytes: whole(1, Infinity),
  requestTimeoutMs: measured(1),
  connectTimeoutMs: measured(1),
  idleTimeoutMs: measured(1),
  unixMode: whole(0, 0o777),
};

/** Checked options of an egress proxy. */
export interface EgressSettings {
  readonly destinations: AllowList;
  readonly allowVsockCids: readonly number[] | undefined;
  readonly maxConnections: number;
  readonly maxTunnelBytes: number;
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly resolver: Resolver;
  readonly clock: Clock;
}

/** Checks options and fills in the defaults. Throws TypeError or RangeError. */
export function egressSettings(options: EgressOptions, clock: Clock): EgressSettings {
  checkRanges(options, EGRESS_RANGES);
  const { resolver, allowVsockCids } = options;
  if (resolver !== undefined) checkFunctions("resolver", [resolver]);
  if (allowVsockCids !== undefined) checkCids(allowVsockCids);
  return {
    destinations: new AllowList(options.allow, options.allowAddresses),
    allowVsockCids,
    maxConnections: options.maxConnections ?? 256,
    maxTunnelBytes: options.maxTunnelBytes ?? Infinity,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 300_000,
    resolver: resolver ?? resolveHost,
    clock,
  };
}

/** Throws RangeError unless `cids` is a list of vsock context ids. */
export function checkCids(cids: unknown): void {
  const valid = (cid: unknown) =>
    Number.isInteger(cid) && Number(cid) >= 0 && Number(cid) < 2 ** 32;
  if (Array.isArray(cids) && cids.every(valid)) return;
  throw new RangeError("Cannot use allowVsockCids: it must be a list of context ids, such as [16]");
}
