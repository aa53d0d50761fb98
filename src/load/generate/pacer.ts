/**
 * Time for load generation. The runtime's timers are up to 2 ms late, which would be added to every
 * latency of an open loop; so the last stretch before a call is due is spent turning the event loop,
 * which takes a core but keeps replies flowing and is exact to a few µs.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import type { Clock } from "../../call/clock.ts";

const SPIN_MS = 4;

/** The system's clock with ordinary timers. */
export const coarseClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
};

interface Wait {
  timeout?: ReturnType<typeof setTimeout>;
  immediate?: NodeJS.Immediate;
}

/** The system's clock with timers that are exact and keep a core busy for the last 4 ms of each wait. */
export const exactClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs): Wait {
    const dueMs = performance.now() + delayMs;
    const wait: Wait = {};
    const spin = () => {
      if (performance.now() >= dueMs) callback();
      else wait.immediate = setImmediate(spin);
    };
    if (delayMs > SPIN_MS) wait.timeout = setTimeout(spin, delayMs - SPIN_MS);
    else wait.immediate = setImmediate(spin);
    return wait;
  },
  clearTimer(timer) {
    if (!timer) return;
    const { timeout, immediate } = timer as Wait;
    clearTimeout(timeout);
    clearImmediate(immediate);
  },
};
