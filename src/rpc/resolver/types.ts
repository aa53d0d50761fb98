/**
 * Interface of resolvers: what finds the addresses of a target, and follows their changes.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Attributes, ResolvedAddress } from "../balancer/types.ts";

/** What a resolver knows of its target at a time. It replaces what was known before. */
export interface ResolverUpdate {
  /** All addresses, in the address grammar. */
  readonly addresses: readonly (string | ResolvedAddress)[];
  /**
   * Service config of the target, as an object or JSON text: its load balancing policy replaces that of the channel, the
   * rest is not used. Default: that of the channel.
   */
  readonly serviceConfig?: unknown;
  /** What balancers get beside the addresses. Default none. */
  readonly attributes?: Attributes;
}

/** A target with a scheme of a resolver: `scheme://authority/path`, or `scheme:path`. */
export interface ResolverTarget {
  /** The target as given. */
  readonly text: string;
  /** The scheme, in lower case. */
  readonly scheme: string;
  /** The part between `//` and the next slash; empty for none. */
  readonly authority: string;
  /** The rest, without its first slash, percent-decoded. */
  readonly path: string;
}

/** The channel as a resolver sees it. */
export interface ResolverContext {
  /** Fires when the channel is idle or closed. The iteration must end then. */
  readonly signal: AbortSignal;
  /** Source of time and timers. */
  readonly clock: Clock;
  /** Returns numbers from 0 to below 1. */
  readonly random: () => number;
  /**
   * Resolves when the channel wants new addresses because connections fail, at the earliest `minResolveIntervalMs` after the
   * last update. Only resolvers that poll need it. Rejects when the signal fires.
   */
  reresolution(): Promise<void>;
  /** Logs a line with the channel's target. */
  log(level: "debug" | "warn", message: string): void;
}

/** Finds the addresses of targets. */
export interface NameResolver {
  /**
   * Yields the addresses of a target, and again at each change. An Error, yielded or thrown, is a failure: addresses known
   * before stay in use. What throws is watched again, after 1 s and then less often, up to 2 min. Throws TypeError, before
   * the first step, for a target that is not valid.
   */
  watch(target: ResolverTarget, context: ResolverContext): AsyncIterable<ResolverUpdate | Error>;
}
