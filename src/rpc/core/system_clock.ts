/**
 * Clock of the runtime.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { runtime } from "../../runtime/mod.ts";

/** Time and timers of the runtime. The timers don't keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    // setTimeout accepts at most 2^31-1 ms; the owner re-arms a timer that fires early.
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), 0x7fffffff));
    runtime.unref(timer);
    return timer;
  },
  clearTimer(timer) {
    clearTimeout(timer as number);
  },
};
