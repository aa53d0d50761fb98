/**
 * Token buckets: bursts up to a size, and a steady rate beyond.
 *
 * @module
 */

/** Bucket of credits that fills with time, which callers pass as an argument. */
export class TokenBucket {
  #credits: number;
  readonly #most: number;
  readonly #perMs: number;
  #filledMs: number;

  /** Starts full, with `most` credits; gains `perSecond`. */
  constructor(most: number, perSecond: number, nowMs: number) {
    this.#credits = most;
    this.#most = most;
    this.#perMs = perSecond / 1000;
    this.#filledMs = nowMs;
  }

  /** Takes credits; returns false when the bucket has too few. */
  take(count: number, nowMs: number): boolean {
    const passed = nowMs - this.#filledMs;
    if (passed > 0) {
      this.give(passed * this.#perMs);
      this.#filledMs = nowMs;
    }
    this.#credits -= count;
    return this.#credits >= 0;
  }

  /** Time from the last {@link take} until the bucket is half full, in ms; 0 if it is half full already. */
  get msUntilHalfFull(): number {
    const missing = this.#most / 2 - this.#credits;
    return missing > 0 ? missing / this.#perMs : 0;
  }

  /** Puts credits back, up to the bucket's size. */
  give(count: number): void {
    this.#credits = Math.min(this.#most, this.#credits + count);
  }
}
