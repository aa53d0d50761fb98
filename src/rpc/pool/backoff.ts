/**
 * Delays between dials: gRPC's connection back-off protocol.
 *
 * @module
 */

import { MAX_COUNT, measured, type Ranges } from "../../limits/ranges.ts";

/** Connection back-off; times are ms. */
export interface BackoffOptions {
  /** Delay after the first failure, 1 to 2³¹−1. Default 1,000. */
  initialBackoffMs?: number;
  /** Longest delay, `initialBackoffMs` to 2³¹−1. Default 120,000, or `initialBackoffMs` if that is more. */
  maxBackoffMs?: number;
}

/** Ranges of {@link BackoffOptions}. */
export const BACKOFF_RANGES: Ranges<BackoffOptions> = {
  initialBackoffMs: measured(1, MAX_COUNT),
  maxBackoffMs: measured(1, MAX_COUNT),
};

// Factor by which each failure lengthens the delay, and fraction by which a delay varies at random: the values of gRPC's
// doc/connection-backoff.md.
const MULTIPLIER = 1.6;
const JITTER = 0.2;

/** Default of {@link BackoffOptions.initialBackoffMs}. */
export const INITIAL_BACKOFF_MS = 1_000;

/** Default of {@link BackoffOptions.maxBackoffMs}. */
export const MAX_BACKOFF_MS = 120_000;

/** Delays of one address: each failure lengthens the next one, a success resets them. */
export class Backoff {
  /** Delay after the first failure, without jitter. */
  readonly initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /**
   * Makes a back-off without failures; `random` returns numbers from 0 to below 1. Throws RangeError if
   * `maxBackoffMs` is below `initialBackoffMs`.
   */
  constructor(options: BackoffOptions, random: () => number) {
    this.initialMs = options.initialBackoffMs ?? INITIAL_BACKOFF_MS;
    this.#maxMs = options.maxBackoffMs ?? Math.max(MAX_BACKOFF_MS, this.initialMs);
    if (this.#maxMs < this.initialMs) {
      throw new RangeError(
        `Cannot use maxBackoffMs ${this.#maxMs}: must be at least initialBackoffMs ${this.initialMs}`,
      );
    }
    this.#random = random;
    this.#nextMs = this.initialMs;
  }

  /** Counts a failure and returns the delay before the next dial, in ms. */
  next(): number {
    const baseMs = this.#nextMs;
    this.#nextMs = Math.min(this.#maxMs, baseMs * MULTIPLIER);
    return baseMs * (1 + JITTER * (2 * this.#random() - 1));
  }

  /** Forgets all failures. */
  reset(): void {
    this.#nextMs = this.initialMs;
  }
}
