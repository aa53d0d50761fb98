/**
 * The event loop as an argument, so that schedulers can run in virtual time.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** Time, the next turn and sleep of an event loop. */
export interface EventLoop {
  /** Current time in ms, monotonic, with fractions. */
  now(): number;
  /** Calls `callback` on the next turn, first in first out. Most turns do not poll the sockets. */
  setImmediate(callback: () => void): unknown;
  /** Calls `callback` after `delayMs`; an idle loop sleeps until then, and polls the sockets. */
  setTimeout(callback: () => void, delayMs: number): unknown;
}

/** Event loop of this thread. */
export const systemLoop: EventLoop = {
  now: () => performance.now(),
  setImmediate: (callback) => setImmediate(callback),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
};
