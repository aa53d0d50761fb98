/**
 * Time in nanoseconds, as the ready-made services report it.
 *
 * @module
 */

const ORIGIN_NS = BigInt(Math.round(performance.timeOrigin * 1e3)) * 1000n;

/** Returns nanoseconds since the Unix epoch. Never goes back: follows the monotonic clock from start-up on. */
export function epochNanoseconds(): bigint {
  return ORIGIN_NS + BigInt(Math.round(performance.now() * 1e6));
}

/** Returns nanoseconds since a time of `performance.now()`. */
export function nanosecondsSince(startMs: number): bigint {
  return BigInt(Math.round((performance.now() - startMs) * 1e6));
}
