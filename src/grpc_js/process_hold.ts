/**
 * Keeps the process alive while a channel has calls.
 *
 * @module
 */

import { clearInterval, setInterval } from "node:timers";

const FAR_MS = 0x7fffffff;

/** Keeps the process alive from `begin` to `end`, any number of times, by one timer. */
export class ProcessHold {
  #timer: ReturnType<typeof setInterval> | undefined = undefined;

  /** Keeps the process alive. */
  begin(): void {
    if (this.#timer === undefined) this.#timer = setInterval(() => {}, FAR_MS);
    else this.#timer.ref();
  }

  /** Lets the process exit. */
  end(): void {
    this.#timer?.unref();
  }

  /** Releases the timer. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
