/**
 * Search for the highest rate at which a condition holds: doubling until it fails, then bisection. It decides only which
 * rate is next; trials are made by its caller.
 *
 * @module
 */

/** How close to the limit a search ends: the rate that holds and the one that fails differ by 2 %. */
const PRECISION = 0.02;
/** Rate, in calls/s, below which a search gives up. */
const LOWEST_RATE = 0.1;
const MOST_TRIALS = 60;

/** Search for a limit. */
export class LimitSearch {
  #rate: number;
  /** Rates at which the condition held, ascending. */
  readonly #held: number[] = [];
  #fails = Infinity;
  /** Failures of the current rate. A single one may be a disturbance. */
  #failures = 0;
  #trials = 0;
  #isConfirmed = false;

  /** Begins at `rate` calls/s. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Highest rate at which the condition held; undefined if at none. */
  get limit(): number | undefined {
    return this.#held.at(-1);
  }

  /** Lowest rate at which the condition failed twice; undefined if at none. */
  get failed(): number | undefined {
    return this.#fails === Infinity ? undefined : this.#fails;
  }

  /** Returns the rate of the next trial; undefined when the search has ended. */
  next(): number | undefined {
    const isOver = this.#isConfirmed || this.#trials >= MOST_TRIALS || this.#rate < LOWEST_RATE;
    return isOver ? undefined : this.#rate;
  }

  /** Takes the outcome of a trial at the rate of {@link next}. */
  report(holds: boolean): void {
    this.#trials++;
    if (!holds && ++this.#failures < 2) return;
    this.#failures = 0;
    if (holds) {
      // The last rate is tried once more, so that luck does not decide.
      this.#isConfirmed = this.#rate === this.limit;
      if (!this.#isConfirmed) this.#held.push(this.#rate);
    } else {
      this.#fails = this.#rate;
      while (this.limit !== undefined && this.limit >= this.#rate) this.#held.pop();
    }
    this.#rate = this.#nextRate();
  }

  #nextRate(): number {
    const { limit } = this;
    if (limit === undefined) return this.#fails / 4;
    if (this.#fails === Infinity) return limit * 2;
    return this.#fails / limit <= 1 + PRECISION ? limit : Math.sqrt(this.#fails * limit);
  }
}
