/**
 * Time without calls after which a channel closes its connections.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";

/** Timer that is set once for many calls: a call only notes the time of its end. */
export class IdleTimer {
  readonly #idleMs: number;
  readonly #onIdle: () => void;
  readonly #busy: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #usedAtMs = 0;

  /** Calls `onIdle` when `busy` was false for `idleMs`; never if that is Infinity. */
  constructor(idleMs: number, busy: () => boolean, onIdle: () => void) {
    this.#idleMs = idleMs;
    this.#busy = busy;
    this.#onIdle = onIdle;
  }

  /** Starts the time anew. */
  used(): void {
    if (this.#idleMs === Infinity) return;
    this.#usedAtMs = performance.now();
    if (this.#timer === undefined) this.#wait(this.#idleMs);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#check(), ms);
    this.#timer.unref();
  }

  #check(): void {
    this.#timer = undefined;
    const remainingMs = this.#usedAtMs + this.#idleMs - performance.now();
    // The end of the call that is open now sets the timer again.
    if (this.#busy()) return;
    if (remainingMs > 0) this.#wait(remainingMs);
    else this.#onIdle();
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
