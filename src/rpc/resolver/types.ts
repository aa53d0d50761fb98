/**
 * Interface of resolvers: what finds the addresses of a target, and follows their changes.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Status } from "../../call/status.ts";
import type { Attributes, PickedCall, PickFailure, ResolvedAddress } from "../balancer/types.ts";
import type { MethodConfig } from "./service_config.ts";

/** What a resolver knows of its target at a time. It replaces what was known before. */
export interface ResolverUpdate {
  /** All addresses, in the address grammar. */
  readonly addresses: readonly (string | ResolvedAddress)[];
  /**
   * Service config of the target, as an object or JSON text, in place of that of the channel. One that is not valid leaves
   * the one before in use; without one before, calls fail with UNAVAILABLE (gRPC A21). An Error stands for one that is not
   * valid. Default: that of the channel.
   */
  readonly serviceConfig?: unknown;
  /**
   * Chooses the settings of each call, in place of `methodConfig` in the service config (gRPC A31). It is used once the
   * balancer has the addresses of the update. Default none.
   */
  readonly configSelector?: ConfigSelector;
  /** What balancers get beside the addresses. Default none. */
  readonly attributes?: Attributes;
}

/** Settings of one call, from a {@link ConfigSelector}. */
export interface CallConfig {
  /** Settings like those of a method in the service config. Default none. */
  readonly settings?: MethodConfig;
  /** What pickers see of the call beside its path and metadata. Default none. */
  readonly attributes?: Attributes;
  /** Time before the first attempt, in ms. Default 0. */
  readonly delayMs?: number;
  /** Status with which the call ends after the delay, without an attempt. Default none. */
  readonly failure?: { readonly code: Status; readonly message: string };
  /** Called once, when no further attempt of the call can begin. */
  onCommitted?(): void;
  /** Called once, when the call has ended, with its status; CANCELLED if its caller gave it up. */
  onEnded?(code: Status): void;
}

/** Chooses the settings of each call of a channel (gRPC A31). */
export interface ConfigSelector {
  /**
   * Returns the settings of a call, once per call: after interceptors and credentials, before balancing. A failure ends
   * the call; codes that only applications may use become INTERNAL (gRPC A54), as does an exception.
   */
  select(call: PickedCall): CallConfig | PickFailure;
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
