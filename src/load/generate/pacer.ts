/**
 * Clocks for load generation. The runtime's timers are up to 2 ms late, which would add to every latency of
 * an open loop. At high rates the last milliseconds before a call is due are therefore spent spinning the event loop:
 * exact to a few µs, replies keep flowing, and one core is busy. At lower rates the program has a thread that sleeps.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import type { Clock } from "../../call/clock.ts";

export type { Clock };

const SPIN_MS = 4;

/** System clock with ordinary timers. */
export const coarseClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
};

interface Wait {
  timeout?: ReturnType<typeof setTimeout>;
  immediate?: NodeJS.Immediate;
}

/** System clock with timers exact to a few µs, which keep a core busy for the last 4 ms of each wait. */
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
