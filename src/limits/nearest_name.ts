/**
 * Suggestions for a name that is slightly wrong.
 *
 * @module
 */

// Longest name that is searched for, in characters, and largest number of candidates compared with it: together they bound
// a search to a few hundred thousand steps.
const MAX_LENGTH = 160;
const MAX_CANDIDATES = 256;
const MAX_EDITS = 3;

// Two rows of the Levenshtein matrix, shared by all comparisons.
const rows = [
  new Uint8Array(MAX_LENGTH + MAX_EDITS + 1),
  new Uint8Array(MAX_LENGTH + MAX_EDITS + 1),
];

/**
 * Finds the candidate that `name` most likely stands for: equal except for case, equal in its last part (after `/` or
 * `.`), or at most `maxEdits` (never more than three) edits away. Undefined when there is none.
 */
export function nearestName(
  name: string,
  candidates: Iterable<string>,
  // The default depends on the length, because three edits turn a short name into any other.
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
    // An equal last part is a better match than two wrong letters.
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

/** The Levenshtein distance, or MAX_EDITS + 1 when it is larger; only the band near the diagonal is filled. */
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
    // No later row of the matrix has a smaller value, so the distance exceeds the maximum.
    if (least === over) return over;
    [row, next] = [next, row];
  }
  return row[b.length];
}
