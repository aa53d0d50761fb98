/**
 * The source of a channel's addresses: the address grammar with DNS, or the resolver of the target's scheme.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { FailureLog } from "../core/failure_log.ts";
import { type AddressSource, Resolution } from "../pool/re_resolution.ts";
import type { SourceCallbacks } from "../pool/subchannel_set.ts";
import { WatchedResolution } from "../pool/watched_resolution.ts";
import type { Target } from "./target.ts";

/** Configuration of a source; times are ms. */
export interface SourceOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: (level: "debug" | "warn", message: string) => void;
  readonly failures: FailureLog;
  /** Time limit of one resolution. */
  readonly timeoutMs: number;
  /** Minimum interval between two resolutions. */
  readonly minIntervalMs: number;
}

/** Makes the source of addresses of a target. */
export function makeSource(
  target: Target,
  callbacks: SourceCallbacks,
  options: SourceOptions,
): AddressSource {
  if (target.watched !== undefined) {
    return new WatchedResolution({ ...options, ...callbacks, ...target.watched });
  }
  return new Resolution({
    ...options,
    ...callbacks,
    target: target.text,
    resolve: (signal) => target.resolve(signal),
  });
}
