/**
 * Keeps the process alive while something is waited for that only timers can bring about: the runtime's
 * timers behind the `Clock` don't, so a program that waits for a server to come back would just end.
 *
 * @module
 */

const FAR_MS = 0x7fffffff;

/** Counts what is waited for. */
export class ProcessRef {
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** One more thing is waited for. */
  acquire(): void {
    if (this.#count++ === 0) this.#timer = setTimeout(() => {}, FAR_MS);
  }

  /** One less. */
  release(): void {
    if (--this.#count === 0) clearTimeout(this.#timer);
  }
}
