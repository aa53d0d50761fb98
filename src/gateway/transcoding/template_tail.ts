/**
 * What path templates have after `**`.
 *
 * @module
 */

import { ANY } from "./path_template.ts";

/** Segments after `**`, and what belongs to the templates that end with them. */
export interface Tail<T> {
  readonly segments: readonly string[];
  readonly ends: T;
}

/**
 * Returns what belongs to these segments; makes and inserts it unless it is there. Tails with a literal come first, then
 * the end of the template, then wildcards alone, which the end of a template would never come after; longer ones come
 * before shorter ones, then a literal before a wildcard.
 */
export function insertTail<T>(tails: Tail<T>[], segments: readonly string[], make: () => T): T {
  let low = 0;
  for (let high = tails.length; low < high;) {
    const middle = (low + high) >> 1;
    const order = compare(segments, tails[middle].segments);
    if (order === 0) return tails[middle].ends;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  const ends = make();
  tails.splice(low, 0, { segments, ends });
  return ends;
}

function compare(a: readonly string[], b: readonly string[]): number {
  const order = rank(a) - rank(b) || b.length - a.length;
  if (order !== 0) return order;
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    if (a[i] === ANY || b[i] === ANY) return a[i] === ANY ? 1 : -1;
    return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

function rank(segments: readonly string[]): number {
  if (segments.length === 0) return 1;
  return segments.every((segment) => segment === ANY) ? 2 : 0;
}

/** Whether the segments of a path, from `at` on, end with a tail. A wildcard can't be empty. */
export function matchesTail(
  tail: readonly string[],
  segments: readonly string[],
  at: number,
): boolean {
  const from = segments.length - tail.length;
  if (from < at) return false;
  // From the end, where most templates have a literal.
  for (let i = tail.length - 1; i >= 0; i--) {
    const segment = segments[from + i];
    if (tail[i] === ANY ? segment === "" : !isLiteral(tail[i], segment)) return false;
  }
  return true;
}

// Templates mark a literal with a slash.
function isLiteral(marked: string, segment: string): boolean {
  return marked.length === segment.length + 1 && marked.endsWith(segment);
}
