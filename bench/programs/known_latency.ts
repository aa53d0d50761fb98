/**
 * The behaviour of the server of known latency, and what follows from it.
 *
 * @module
 */

/** What most calls take, in ms. */
export const BASE_MS = 5;
/** What every {@link SLOW_EVERY}th call takes, in ms. */
export const SLOW_MS = 50;
/** One call in so many is slow. */
export const SLOW_EVERY = 100;
/** How long the server works before it stands still, in ms. */
export const FREEZE_AFTER_MS = 10_000;
/** How long it stands still, in ms. */
export const FREEZE_MS = 1_000;

/** The latency in ms of each call that is due at a steady rate, ascending. */
export function expectedLatencies(ratePerSecond: number, durationMs: number): number[] {
  const latencies: number[] = [];
  const thawMs = FREEZE_AFTER_MS + FREEZE_MS;
  for (let i = 0; i < ratePerSecond * durationMs / 1000; i++) {
    const atMs = i * 1000 / ratePerSecond;
    const workMs = i % SLOW_EVERY === SLOW_EVERY - 1 ? SLOW_MS : BASE_MS;
    const frozen = (ms: number) => ms >= FREEZE_AFTER_MS && ms < thawMs;
    // Work begins after the freeze for calls that come during it; answers that are due in it wait.
    let endMs = (frozen(atMs) ? thawMs : atMs) + workMs;
    if (frozen(endMs)) endMs = thawMs;
    latencies.push(endMs - atMs);
  }
  return latencies.sort((a, b) => a - b);
}

/** The value that `percent` percent of an ascending list don't exceed. */
export function percentile(ascending: readonly number[], percent: number): number {
  return ascending[Math.max(0, Math.ceil(percent / 100 * ascending.length - 1e-9) - 1)];
}
