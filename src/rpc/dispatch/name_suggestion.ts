/**
 * Suggestions for misspelt names.
 *
 * @module
 */

import { nearestName } from "../../limits/nearest_name.ts";
import { TokenBucket } from "../../limits/token_bucket.ts";

// Searches allowed at once; further ones are limited to a rate, because a search costs as much as a thousand calls, and a
// peer can send any number of unknown names.
const SEARCH_BURST = 10;
const SEARCHES_PER_SECOND = 5;

/** Suggestions for names that peers send: 10 at once, then 5 per second, because a search costs more than a call. */
export class NameSuggestions {
  readonly #bucket = new TokenBucket(SEARCH_BURST, SEARCHES_PER_SECOND, performance.now());

  /** Returns `; did you mean x?` for the nearest candidate; empty if there is none or the rate limit is reached. */
  didYouMean(name: string, candidates: () => Iterable<string>): string {
    if (this.#bucket.take(1, performance.now())) return phrase(nearestName(name, candidates()));
    this.#bucket.give(1);
    return "";
  }
}

/**
 * Returns `; did you mean x?` for the nearest candidate; empty if there is none. For local input: accepts more edits
 * than {@link NameSuggestions}.
 */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  return phrase(nearestName(name, candidates, Math.max(2, name.length * 0.4)));
}

function phrase(nearest: string | undefined): string {
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}
