/**
 * What was meant by a name that is slightly wrong.
 *
 * @module
 */

import { TokenBucket } from "../../limits/token_bucket.ts";

// What is compared stays small (a few 100,000 steps in all).
const MAX_LENGTH = 160;
const MAX_CANDIDATES = 256;
const MAX_EDITS = 3;
// A search costs as much as a thousand calls, and peers make up the names: a person who mistypes needs no more.
const HINTS_BURST = 10;
const HINTS_PER_SECOND = 5;

// Two rows of the table of edits, for one comparison after the other.
const rows = [
  new Uint8Array(MAX_LENGTH + MAX_EDITS + 1),
  new Uint8Array(MAX_LENGTH + MAX_EDITS + 1),
];

/** Searches for peers: ten at once and five a second, because each costs more than the call. */
export class NameHints {
  readonly #budget = new TokenBucket(HINTS_BURST, HINTS_PER_SECOND, performance.now());

  /** As {@link nearestName}; undefined as well when there were too many questions. */
  nearest(name: string, candidates: () => Iterable<string>): string | undefined {
    if (this.#budget.take(1, performance.now())) return nearestName(name, candidates());
    this.#budget.give(1);
    return undefined;
  }
}

/** `; did you mean x?` for the nearest candidate, or nothing. For a person's own input, so it guesses freely. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const guess = nearestName(name, candidates, Math.max(2, name.length * 0.4));
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}

/**
 * The candidate that `name` most likely stands for: equal but for case, the same last part, or at most
 * `maxEdits` (never more than three) edits away. Undefined when there is none.
 */
export function nearestName(
  name: string,
  candidates: Iterable<string>,
  // In a short name, three edits make anything out of anything.
  maxEdits: number = Math.max(1.5, name.length / 4),
): string | undefined {
  if (name.length < 2 || name.length > MAX_LENGTH) return undefined;
  const wanted = name.toLowerCase();
  const wantedTail = lastPart(wanted);
  let best: string | undefined;
  let bestEdits = MAX_EDITS + 1;
  let count = 0;
  for (const candidate of candidates) {
    if (++count > MAX_CANDIDATES) break;
    const other = candidate.toLowerCase();
    // A name whose last part is right is likelier meant than one that differs in two letters.
    const edits = lastPart(other) === wantedTail && wantedTail !== ""
      ? Math.min(1.5, editsBetween(wanted, other))
      : editsBetween(wanted, other);
    if (edits < bestEdits && edits <= maxEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

function lastPart(name: string): string {
  return name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf(".")) + 1);
}

/** Levenshtein's distance, or MAX_EDITS + 1 when it is larger; only the band near the diagonal is filled. */
function editsBetween(a: string, b: string): number {
  const over = MAX_EDITS + 1;
  if (Math.abs(a.length - b.length) > MAX_EDITS) return over;
  if (b.length > MAX_LENGTH + MAX_EDITS) return over;
  let [row, next] = rows;
  row.fill(over, 0, b.length + 1);
  for (let j = 0; j <= Math.min(b.length, MAX_EDITS); j++) row[j] = j;
  for (let i = 1; i <= a.length; i++) {
    next.fill(over, 0, b.length + 1);
    let least = next[0] = i <= MAX_EDITS ? i : over;
    for (let j = Math.max(1, i - MAX_EDITS); j <= Math.min(b.length, i + MAX_EDITS); j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      const edits = Math.min(over, row[j - 1] + (same ? 0 : 1), row[j] + 1, next[j - 1] + 1);
      next[j] = edits;
      if (edits < least) least = edits;
    }
    // From here on it only grows.
    if (least === over) return over;
    [row, next] = [next, row];
  }
  return row[b.length];
}
