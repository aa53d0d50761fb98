/**
 * How long to wait before connecting again: gRPC's connection back-off protocol.
 *
 * @module
 */

import { MAX_COUNT, measured, type Ranges } from "../../limits/ranges.ts";

/** Parameters of {@link Backoff}; times are ms. */
export interface BackoffOptions {
  /** The first wait, 1 to 2³¹−1. Default 1,000. */
  initialBackoffMs?: number;
  /** The longest wait, `initialBackoffMs` to 2³¹−1. Default 120,000, or `initialBackoffMs` if that is more. */
  maxBackoffMs?: number;
}

/** What {@link BackoffOptions} may be; checked where they are given. */
export const BACKOFF_RANGES: Ranges<BackoffOptions> = {
  initialBackoffMs: measured(1, MAX_COUNT),
  maxBackoffMs: measured(1, MAX_COUNT),
};

// doc/connection-backoff.md of gRPC.
const MULTIPLIER = 1.6;
const JITTER = 0.2;
const INITIAL_MS = 1_000;
const MAX_MS = 120_000;

/** One target's waits: each failure lengthens the next, a success starts over. */
export class Backoff {
  /** The first wait, without jitter. */
  readonly initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /**
   * Makes a fresh one; `random` gives numbers from 0 to below 1. Throws RangeError when the longest wait is below the
   * first.
   */
  constructor(options: BackoffOptions, random: () => number) {
    this.initialMs = options.initialBackoffMs ?? INITIAL_MS;
    this.#maxMs = options.maxBackoffMs ?? Math.max(MAX_MS, this.initialMs);
    if (this.#maxMs < this.initialMs) {
      throw new RangeError(
        `Cannot use maxBackoffMs ${this.#maxMs}: it must not be below initialBackoffMs ${this.initialMs}`,
      );
    }
    this.#random = random;
    this.#nextMs = this.initialMs;
  }

  /** The wait after one more failure, in ms. */
  next(): number {
    const baseMs = this.#nextMs;
    this.#nextMs = Math.min(this.#maxMs, baseMs * MULTIPLIER);
    return baseMs * (1 + JITTER * (2 * this.#random() - 1));
  }

  /** A connection was made: start over. */
  reset(): void {
    this.#nextMs = this.initialMs;
  }
}
