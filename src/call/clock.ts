/**
 * Source of time, an argument of everything that waits, so that tests can run in virtual time.
 *
 * @module
 */

/** Source of time and timers. */
export interface Clock {
  /** Current time in ms, monotonic, with fractions. */
  now(): number;
  /** Calls `callback` once after `delayMs`; returns the timer for `clearTimer`. */
  setTimer(callback: () => void, delayMs: number): unknown;
  /** Cancels a timer. Does nothing if the timer has fired. */
  clearTimer(timer: unknown): void;
}
