/**
 * When a complete reply whose bytes do not move is given up.
 *
 * @module
 */

/** Stall times that a complete reply may wait for credit while other replies of its connection move. */
const PROGRESS_STALL_MULTIPLIER = 10;

/**
 * When a reply that has not moved since `sinceMs` is given up: after `limitMs` without progress of the whole connection,
 * which last made some at `progressMs`, and after ten times `limitMs` in any case. On a slow link other replies go
 * first; a peer that lets only those move does not hold memory for ever.
 */
export function stallEndMs(sinceMs: number, progressMs: number, limitMs: number): number {
  return Math.min(
    Math.max(sinceMs, progressMs) + limitMs,
    sinceMs + limitMs * PROGRESS_STALL_MULTIPLIER,
  );
}
