/**
 * Keeps the process alive while a call waits for a timer: timers of the `Clock` don't, so a program that waits for a
 * reconnection would exit.
 *
 * @module
 */

const FAR_MS = 0x7fffffff;

/** Keeps the process alive while `acquire` was called more often than `release`. */
export class ProcessRef {
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** Adds a reference. */
  acquire(): void {
    if (this.#count++ === 0) this.#timer = setTimeout(() => {}, FAR_MS);
  }

  /** Removes a reference. */
  release(): void {
    if (--this.#count === 0) clearTimeout(this.#timer);
  }
}
