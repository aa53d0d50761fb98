import type { EventLoop } from "../../src/event_loop/loop.ts";

/** Turns of Deno's event loop until the sockets have been polled: the tests' number, whatever runs them. */
export const POLL_TURNS = 61;

/** An event loop whose time passes only by `work`, and whose turns run only by `turn`. */
export class VirtualLoop implements EventLoop {
  nowMs = 1_000;
  /** Turns so far. */
  turns = 0;
  #immediates: (() => void)[] = [];
  readonly #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback);
  }

  setTimeout(callback: () => void, delayMs: number): void {
    this.#timers.push({ atMs: this.nowMs + delayMs, callback });
    this.#timers.sort((a, b) => a.atMs - b.atMs);
  }

  /** Callbacks that wait for a turn. */
  get immediates(): number {
    return this.#immediates.length;
  }

  /** Delays of the timers from now on, in ms, the nearest first. */
  get timerDelaysMs(): number[] {
    return this.#timers.map(({ atMs }) => atMs - this.nowMs);
  }

  /** Takes `ms` of the loop's time. */
  work(ms: number): void {
    this.nowMs += ms;
  }

  /** Runs due timers, then the callbacks that were requested before this turn. */
  turn(): void {
    this.turns++;
    while (this.#timers.length > 0 && this.#timers[0].atMs <= this.nowMs) {
      this.#timers.shift()!.callback();
    }
    const due = this.#immediates;
    this.#immediates = [];
    for (const callback of due) callback();
  }

  /** Runs turns until nothing waits for one; an idle loop sleeps until its next timer. Returns their number. */
  run(maxTurns = 10_000): number {
    const before = this.turns;
    while (this.#immediates.length > 0 || this.#timers.length > 0) {
      if (this.turns - before >= maxTurns) throw new Error(`Still busy after ${maxTurns} turns`);
      if (this.#immediates.length === 0) this.nowMs = Math.max(this.nowMs, this.#timers[0].atMs);
      this.turn();
    }
    return this.turns - before;
  }
}
