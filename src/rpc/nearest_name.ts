/**
 * What was meant by a name that is slightly wrong.
 *
 * @module
 */

// Names come from peers: what is compared stays small (a few 10,000 steps in all).
const MAX_LENGTH = 160;
const MAX_CANDIDATES = 256;
const MAX_EDITS = 3;

/**
 * The candidate that `name` most likely stands for: equal but for case, the same last part, or at most
 * three edits away. Undefined when there is none.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
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
    // In a short name, three edits make anything out of anything.
    if (edits < bestEdits && edits <= Math.max(1.5, wanted.length / 4)) {
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
  let row = new Uint8Array(b.length + 1).fill(over);
  for (let j = 0; j <= Math.min(b.length, MAX_EDITS); j++) row[j] = j;
  for (let i = 1; i <= a.length; i++) {
    const next = new Uint8Array(b.length + 1).fill(over);
    if (i <= MAX_EDITS) next[0] = i;
    for (let j = Math.max(1, i - MAX_EDITS); j <= Math.min(b.length, i + MAX_EDITS); j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      next[j] = Math.min(over, row[j - 1] + (same ? 0 : 1), row[j] + 1, next[j - 1] + 1);
    }
    row = next;
  }
  return row[b.length];
}
