/**
 * The time in nanoseconds, as the ready services report it.
 *
 * @module
 */

const ORIGIN_NS = BigInt(Math.round(performance.timeOrigin * 1e3)) * 1000n;

/** Nanoseconds since the Unix epoch. It never goes back, because it follows the monotonic clock from start-up on. */
export function epochNanoseconds(): bigint {
  return ORIGIN_NS + BigInt(Math.round(performance.now() * 1e6));
}

/** Nanoseconds since a moment that `performance.now()` gave. */
export function nanosecondsSince(startMs: number): bigint {
  return BigInt(Math.round((performance.now() - startMs) * 1e6));
}
