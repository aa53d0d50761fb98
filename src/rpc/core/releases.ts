/**
 * Byte streams that were closed and are not released yet.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";

/** Counts closed byte streams until they are released. */
export class Releases {
  readonly #clock: Clock;
  #pending = 0;
  /** Functions that end pending calls of `wait`. */
  readonly #waits = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a stream by the promise of its release; undefined for a stream that is released at once. */
  add(released: Promise<void> | undefined): void {
    if (released === undefined) return;
    this.#pending++;
    const onReleased = () => {
      if (--this.#pending === 0) { for (const end of [...this.#waits]) end(); }
    };
    released.then(onReleased, onReleased);
  }

  /** Resolves once all streams are released, or after `timeoutMs`: an application's stream may never be released. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#clock.clearTimer(timer);
        this.#waits.delete(end);
        resolve();
      };
      const timer = this.#clock.setTimer(end, timeoutMs);
      this.#waits.add(end);
    });
  }
}
