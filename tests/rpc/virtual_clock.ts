import type { Clock } from "../../src/call/clock.ts";

/** A clock that stands still until `advance` is called; its timers run inside `advance`, in order. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #timers = new Map<number, { atMs: number; callback: () => void }>();
  #nextId = 1;
  /** How many timers were ever set. */
  timersSet = 0;

  constructor(startMs = 1000.25) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    this.timersSet++;
    this.#timers.set(this.#nextId, { atMs: this.#nowMs + delayMs, callback });
    return this.#nextId++;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass, running what becomes due on the way. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      let first: [number, { atMs: number; callback: () => void }] | undefined;
      for (const entry of this.#timers) {
        if (entry[1].atMs <= endMs && (!first || entry[1].atMs < first[1].atMs)) first = entry;
      }
      if (!first) break;
      this.#timers.delete(first[0]);
      this.#nowMs = Math.max(this.#nowMs, first[1].atMs);
      first[1].callback();
    }
    this.#nowMs = endMs;
  }
}
