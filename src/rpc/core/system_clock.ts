/**
 * Clock of the runtime.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";

// Handlers of the Fetch API also run where there is no Deno; there the runtime holds the process.
const unref: typeof Deno.unrefTimer = globalThis.Deno?.unrefTimer ?? (() => {});

/** Time and timers of the runtime. The timers don't keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    // setTimeout accepts at most 2^31-1 ms; the owner re-arms a timer that fires early.
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), 0x7fffffff));
    unref(timer);
    return timer;
  },
  clearTimer(timer) {
    clearTimeout(timer as number);
  },
};
