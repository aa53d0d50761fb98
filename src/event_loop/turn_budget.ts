/**
 * Runs short pieces of blocking work on the event loop without holding up I/O: in one turn of the loop
 * only so much of it is done, and the rest waits for the following turns, in order.
 *
 * The alternatives were measured for signing. A thread pool (non-blocking FFI) costs 20 µs and more a call,
 * as much as an ECDSA P-256 signature itself; here a call that fits costs nothing, and a saturated server
 * still signs at the full rate of its core.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { isPolling } from "./turns.ts";

/** How long the pieces of one turn may take together. A turn has other work too, and should stay below 2 ms. */
export const DEFAULT_TURN_BUDGET_MS = 1;

interface Piece {
  readonly kind: number;
  readonly run: () => void;
}

/** Shares out the time of the event loop's turns. */
export class TurnBudget {
  readonly #budgetMs: number;
  readonly #now: () => number;
  // What a piece of each kind took lately: it isn't started when it would not fit any more.
  readonly #costMs: number[] = [];
  readonly #waiting: Piece[] = [];
  #head = 0;
  #spentMs = 0;
  #turnScheduled = false;

  /** Makes a budget of `budgetMs` for each turn. */
  constructor(
    budgetMs: number = DEFAULT_TURN_BUDGET_MS,
    now: () => number = () => performance.now(),
  ) {
    if (!(budgetMs > 0)) {
      throw new RangeError(`Cannot use a turn budget of ${budgetMs} ms: it must be above 0`);
    }
    this.#budgetMs = budgetMs;
    this.#now = now;
  }

  /** How many pieces wait for a later turn. */
  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /**
   * Runs `work` now when it fits this turn and none waits before it, otherwise in a later turn. `kind` is
   * a small integer that groups pieces of like cost. What `work` throws, it throws or rejects with.
   */
  run<Result>(kind: number, work: () => Result): Result | Promise<Result> {
    if (this.waiting === 0 && this.#fits(kind)) return this.#timed(kind, work);
    return new Promise<Result>((resolve, reject) => {
      const run = () => {
        try {
          resolve(this.#timed(kind, work));
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push({ kind, run });
    });
  }

  #fits(kind: number): boolean {
    // The first piece of a turn always fits, or nothing would ever get done.
    return this.#spentMs === 0 || this.#spentMs + (this.#costMs[kind] ?? 0) <= this.#budgetMs;
  }

  #timed<Result>(kind: number, work: () => Result): Result {
    const start = this.#now();
    try {
      return work();
    } finally {
      const tookMs = this.#now() - start;
      this.#spentMs += tookMs;
      const before = this.#costMs[kind] ?? tookMs;
      // Growth counts at once; a piece that was slow for once is forgotten after some more.
      this.#costMs[kind] = Math.max(tookMs, before + (tookMs - before) / 8);
      this.#scheduleTurn();
    }
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#turnScheduled = false;
    this.#spentMs = 0;
    if (isPolling() && this.waiting > 0) {
      this.#scheduleTurn();
      return;
    }
    while (this.#head < this.#waiting.length && this.#fits(this.#waiting[this.#head].kind)) {
      this.#waiting[this.#head++].run();
    }
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
