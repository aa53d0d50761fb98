/**
 * Clock that tests move.
 *
 * @module
 */

import type { Clock } from "../call/clock.ts";

// Turns of the event loop after which calls in memory have done what they could without a timer.
const SETTLING_TURNS = 5;
const MAX_FAKE_MS = 3_600_000;
// Rounds of settling without a timer after which a promise waits for something else; together two seconds or more.
const MAX_IDLE_ROUNDS = 400;

/**
 * Time that stands still until the test moves it, for deadlines, retries and timeouts of seconds or hours. Code under
 * test must not wait for sockets, files or timers of its own: only for calls of a {@link testServer} with this clock.
 *
 * ```ts
 * import { FakeClock, testServer } from "@vrpc/vrpc/testing";
 *
 * const clock = new FakeClock();
 * await using test = await testServer((router) => {
 *   router.method("/slow", {}, (request, { signal }) =>
 *     new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
 * }, { clock });
 * const call = test.channel.call("/slow", new Uint8Array(), { timeoutMs: 60_000 });
 * const outcome = await clock.run(Promise.allSettled([call])); // at once
 * console.assert(outcome[0].status === "rejected" && clock.now() === 60_000);
 * ```
 *
 * @category Testing
 */
export class FakeClock {
  #nowMs: number;
  readonly #timers = new Map<number, { readonly atMs: number; readonly callback: () => void }>();
  #lastTimer = 0;

  /** Makes a clock that stands at `startMs`, a finite number of ms. */
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  /** Returns the time: `startMs` and the ms that have passed since. */
  now(): number {
    return this.#nowMs;
  }

  /** Calls `callback` once `delayMs` have passed; returns the timer. */
  setTimer(callback: () => void, delayMs: number): unknown {
    this.#timers.set(++this.#lastTimer, { atMs: this.#nowMs + Math.max(0, delayMs), callback });
    return this.#lastTimer;
  }

  /** Cancels a timer. No effect after it has fired. */
  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Number of timers that have not fired. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Number of timers that were ever set. */
  get timersSet(): number {
    return this.#lastTimer;
  }

  /** Resolves after `ms`, 0 or more, of this clock; rejects with the signal's reason when it fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleep(this, ms, signal);
  }

  /**
   * Moves time on by `ms`, 0 or more, fires the timers that become due in order, and lets what each sets off run before
   * the next one fires.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Cannot advance by ${ms} ms: must be 0 or more`);
    const endMs = this.#nowMs + ms;
    await settle();
    while (this.#fireNext(endMs)) await settle();
    this.#nowMs = endMs;
  }

  /**
   * Moves time on by `ms`, 0 or more, and fires the timers that become due in order, before it returns: nothing that
   * waits for a promise runs in between. For code without promises; `advance` is for all other.
   */
  tick(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`Cannot tick by ${ms} ms: must be 0 or more`);
    const endMs = this.#nowMs + ms;
    while (this.#fireNext(endMs)) { /* the next one */ }
    this.#nowMs = endMs;
  }

  /** Moves time on by `ms`, 0 or more, and fires no timer yet: what a handler that keeps the thread busy does. */
  block(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`Cannot block for ${ms} ms: must be 0 or more`);
    this.#nowMs += ms;
  }

  /**
   * Moves time from timer to timer until `promise` settles, and returns what it settles to. Rejects with an Error when
   * it waits for something else than this clock, or for more than an hour of its time.
   */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    const endMs = this.#nowMs + MAX_FAKE_MS;
    let idleRounds = 0;
    for (;;) {
      await settle();
      if (settled) return await promise;
      if (this.#fireNext(endMs)) {
        idleRounds = 0;
      } else if (++idleRounds > MAX_IDLE_ROUNDS) {
        const limit = this.#timers.size === 0
          ? "it waits for something else than this clock"
          : `it waits for more than ${MAX_FAKE_MS} ms`;
        throw new Error(`Cannot run the promise to its end: ${limit}`);
      }
    }
  }

  /** Moves time to the first timer that is due by `endMs` and fires it; false if there is none. */
  #fireNext(endMs: number): boolean {
    let first: number | undefined;
    let firstMs = Infinity;
    for (const [timer, { atMs }] of this.#timers) {
      if (atMs <= endMs && atMs < firstMs) {
        first = timer;
        firstMs = atMs;
      }
    }
    if (first === undefined) return false;
    const { callback } = this.#timers.get(first)!;
    this.#timers.delete(first);
    this.#nowMs = Math.max(this.#nowMs, firstMs);
    callback();
    return true;
  }
}

/** Resolves after `ms` of `clock`; rejects with the signal's reason when it fires. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clock.clearTimer(timer);
      reject(signal!.reason);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Lets work that waits for no timer of the clock run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
