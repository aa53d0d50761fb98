/**
 * Waits of resolvers that end when their channel does.
 *
 * @module
 */

import type { ResolverContext } from "./types.ts";

/** Resolves after a time, with false when the channel is idle or closed. */
export function pause(ms: number, { clock, signal }: ResolverContext): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const onAbort = () => {
      clock.clearTimer(timer);
      resolve(false);
    };
    const timer = clock.setTimer(() => {
      signal.removeEventListener("abort", onAbort);
      resolve(true);
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
