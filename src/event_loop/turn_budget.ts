/**
 * Runs short blocking work on the event loop without delaying I/O: each turn runs a limited amount of it, and the rest
 * waits for later turns, in order.
 *
 * The alternatives were measured for signing. A thread pool (non-blocking FFI) costs 20 µs and more per call, as much
 * as an ECDSA P-256 signature itself. Here a call that fits into the turn costs nothing, and a saturated server still
 * signs at the full rate of its core.
 *
 * @module
 */

import { systemTurns, type TurnScheduler } from "./turns.ts";

/** Time limit for the blocking work of one turn, in ms: with its other work, a turn should stay below 2 ms. */
export const DEFAULT_TURN_BUDGET_MS = 1;

interface Piece {
  readonly kind: number;
  readonly run: () => void;
}

/** Limits the blocking work in each turn of the event loop. */
export class TurnBudget {
  readonly #budgetMs: number;
  readonly #turns: TurnScheduler;
  // By kind: estimated duration of a piece of work, in ms. A piece that would exceed the turn's budget waits.
  readonly #costMs: number[] = [];
  readonly #waiting: Piece[] = [];
  #head = 0;
  #spentMs = 0;
  #turnScheduled = false;
  readonly #startTurn = () => this.#runTurn();

  /** Allows `budgetMs` of blocking work per turn. Throws RangeError unless it is above 0. */
  constructor(budgetMs: number = DEFAULT_TURN_BUDGET_MS, turns: TurnScheduler = systemTurns) {
    if (!(budgetMs > 0)) {
      throw new RangeError(`Cannot use a turn budget of ${budgetMs} ms: it must be above 0`);
    }
    this.#budgetMs = budgetMs;
    this.#turns = turns;
  }

  /** Number of pieces of work that wait for a later turn. */
  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /**
   * Runs `work` now if it fits into this turn and no other piece waits, otherwise in a later turn. `kind` is a small
   * integer that groups pieces of similar cost. Throws or rejects with what `work` throws.
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
    // The first piece of a turn always fits, so that pieces longer than the budget run at all.
    return this.#spentMs === 0 || this.#spentMs + (this.#costMs[kind] ?? 0) <= this.#budgetMs;
  }

  #timed<Result>(kind: number, work: () => Result): Result {
    const { loop } = this.#turns;
    const startMs = loop.now();
    try {
      return work();
    } finally {
      const tookMs = loop.now() - startMs;
      this.#spentMs += tookMs;
      const before = this.#costMs[kind] ?? tookMs;
      // The estimate rises to a longer duration at once, and falls by an eighth of the difference per shorter piece.
      this.#costMs[kind] = Math.max(tookMs, before + (tookMs - before) / 8);
      this.#scheduleTurn();
    }
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#turns.loop.setImmediate(this.#startTurn);
  }

  #runTurn(): void {
    this.#turnScheduled = false;
    this.#spentMs = 0;
    if (this.#turns.isPolling() && this.waiting > 0) {
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
