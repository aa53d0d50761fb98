/**
 * The choice among several connections to one address.
 *
 * @module
 */

/** A connection that calls can be started on. */
export interface Pickable {
  /** Whether the connection can start another call. */
  readonly free: boolean;
  /** Calls in flight. */
  readonly load: number;
}

/** Returns the less busy of two random connections of at least two; any free one if both are full, or undefined. */
export function pickOfSeveral<T extends Pickable>(
  ready: readonly T[],
  random: () => number,
): T | undefined {
  const count = ready.length;
  const i = Math.floor(random() * count);
  let j = Math.floor(random() * (count - 1));
  if (j >= i) j++;
  const a = ready[i];
  const b = ready[j];
  if (a.free && b.free) return b.load < a.load ? b : a;
  if (a.free) return a;
  if (b.free) return b;
  let best: T | undefined;
  for (const one of ready) {
    if (one.free && (best === undefined || one.load < best.load)) best = one;
  }
  return best;
}
