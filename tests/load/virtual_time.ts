import type { Clock } from "../../src/call/clock.ts";

/** Virtual clock for code with promises: `run` settles all promises between timers. */
export class VirtualTime implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; id: number; callback: () => void }[] = [];
  #nextId = 1;

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), id: this.#nextId++, callback };
    // Sorted by time, then by order of creation.
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle].atMs <= timer.atMs) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return timer.id;
  }

  clearTimer(id: unknown): void {
    const at = this.#timers.findIndex((timer) => timer.id === id);
    if (at >= 0) this.#timers.splice(at, 1);
  }

  /** Number of pending timers. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Resolves after `delayMs` of virtual time. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(resolve, delayMs));
  }

  /** Advances time until `promise` settles. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = () => void (settled = true);
    promise.then(mark, mark);
    for (;;) {
      for (let i = 0; i < 6; i++) await Promise.resolve();
      if (settled) return promise;
      const timer = this.#timers.shift();
      if (!timer) throw new Error("Nothing is left to happen and the promise has not settled");
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
    }
  }
}
