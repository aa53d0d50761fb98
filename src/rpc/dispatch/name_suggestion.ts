/**
 * Suggestions to callers of unknown methods, at a bounded rate.
 *
 * @module
 */

import { nearestName } from "../../limits/nearest_name.ts";
import { TokenBucket } from "../../limits/token_bucket.ts";

// A search costs as much as a thousand calls, and peers choose the names.
const HINTS_BURST = 10;
const HINTS_PER_SECOND = 5;

/** Searches on behalf of peers: ten at once and five a second, because each costs more than the call. */
export class NameHints {
  readonly #budget = new TokenBucket(HINTS_BURST, HINTS_PER_SECOND, performance.now());

  /** Finds the nearest name as {@link nearestName} does; undefined as well when the rate is used up. */
  nearest(name: string, candidates: () => Iterable<string>): string | undefined {
    if (this.#budget.take(1, performance.now())) return nearestName(name, candidates());
    this.#budget.give(1);
    return undefined;
  }
}

/** Returns `; did you mean x?` for the nearest candidate, or "". Guesses freely, because the name is a person's input. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const guess = nearestName(name, candidates, Math.max(2, name.length * 0.4));
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}
