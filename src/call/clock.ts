/**
 * Time as an argument, so that tests can run in virtual time.
 *
 * @module
 */

/** A source of time and timers. */
export interface Clock {
  /** Milliseconds, monotonic, with fractions. */
  now(): number;
  /** Calls `callback` once after `delayMs`; returns what `clearTimer` takes. */
  setTimer(callback: () => void, delayMs: number): unknown;
  /** Cancels a timer; fine when it has fired. */
  clearTimer(timer: unknown): void;
}
