/**
 * Buckets that bound what a peer may make this side do for nothing.
 *
 * @module
 */

/**
 * How many stall times a complete reply may wait for its own credit while the connection moves: others' bytes may
 * come first on a slow link, and whoever lets nothing but others move may not hold memory for ever.
 */
export const PROGRESS_STALL_MULTIPLIER = 10;

/**
 * How much later a peer is read from, at most, that opens calls above the limit or breaks them and has used up half its
 * budget. Those who do so in earnest would come back at once if they were only closed, and with as much.
 */
export const MAX_SLOWDOWN_MS = 5_000;

/** A bucket of credits that fills with time. The clock comes in by arguments. */
export class TokenBucket {
  #credits: number;
  readonly #most: number;
  readonly #perMs: number;
  #filledMs: number;

  /** A full bucket of `most` credits that gains `perSecond`. */
  constructor(most: number, perSecond: number, nowMs: number) {
    this.#credits = most;
    this.#most = most;
    this.#perMs = perSecond / 1000;
    this.#filledMs = nowMs;
  }

  /** Takes credits; false when there were not enough, which is when the peer has gone too far. */
  take(count: number, nowMs: number): boolean {
    const passed = nowMs - this.#filledMs;
    if (passed > 0) {
      this.give(passed * this.#perMs);
      this.#filledMs = nowMs;
    }
    this.#credits -= count;
    return this.#credits >= 0;
  }

  /** How long it took from the last {@link take} on until the bucket was half full again, in ms; 0 when it was. */
  get msUntilHalfFull(): number {
    const missing = this.#most / 2 - this.#credits;
    return missing > 0 ? missing / this.#perMs : 0;
  }

  /** Puts credits in, up to the bucket's size. */
  give(count: number): void {
    this.#credits = Math.min(this.#most, this.#credits + count);
  }
}
