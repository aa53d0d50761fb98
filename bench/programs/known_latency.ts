/**
 * Parameters of the server of known latency, and the latencies computed from them.
 *
 * @module
 */

/** Latency of most calls, in ms. */
export const BASE_MS = 5;
/** Latency of every {@link SLOW_EVERY}th call, in ms. */
export const SLOW_MS = 50;
/** Interval of slow calls. */
export const SLOW_EVERY = 100;
/** Time before the freeze, in ms. */
export const FREEZE_AFTER_MS = 10_000;
/** Length of the freeze, in ms. */
export const FREEZE_MS = 1_000;

/** Computes the latency of each call at a steady rate, in ms, ascending. */
export function expectedLatencies(ratePerSecond: number, durationMs: number): number[] {
  const latencies: number[] = [];
  const thawMs = FREEZE_AFTER_MS + FREEZE_MS;
  for (let i = 0; i < ratePerSecond * durationMs / 1000; i++) {
    const atMs = i * 1000 / ratePerSecond;
    const workMs = i % SLOW_EVERY === SLOW_EVERY - 1 ? SLOW_MS : BASE_MS;
    const frozen = (ms: number) => ms >= FREEZE_AFTER_MS && ms < thawMs;
    // Calls that arrive during the freeze start after it, and replies due during it wait.
    let endMs = (frozen(atMs) ? thawMs : atMs) + workMs;
    if (frozen(endMs)) endMs = thawMs;
    latencies.push(endMs - atMs);
  }
  return latencies.sort((a, b) => a - b);
}

/** Returns the value that `percent` percent of an ascending list do not exceed. */
export function percentile(ascending: readonly number[], percent: number): number {
  return ascending[Math.max(0, Math.ceil(percent / 100 * ascending.length - 1e-9) - 1)];
}
