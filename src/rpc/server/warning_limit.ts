/**
 * Bound on warnings that peers may cause.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { TokenBucket } from "../../limits/token_bucket.ts";

const MOST_AT_ONCE = 10;
const PER_SECOND = 1;

/** Chooses the level of log lines that peers cause: a bounded number of warnings, the rest for debugging. */
export class WarningLimit {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;

  /** Allows ten warnings at once, and one a second after that. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(MOST_AT_ONCE, PER_SECOND, clock.now());
  }

  /** Returns the level for the next line. */
  level(): "warn" | "debug" {
    if (this.#bucket.take(1, this.#clock.now())) return "warn";
    // Returns the token: suppressed lines must not delay the next warning, which is allowed 1 s after the last one.
    this.#bucket.give(1);
    return "debug";
  }
}
