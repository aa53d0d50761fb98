/**
 * The real clock.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";

/** Time and timers of the runtime. Its timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    // setTimeout takes at most 2^31-1; a timer that fires early is armed anew by its owner.
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), 0x7fffffff));
    Deno.unrefTimer(timer);
    return timer;
  },
  clearTimer(timer) {
    clearTimeout(timer as number);
  },
};
