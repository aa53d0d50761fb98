/**
 * Time limit of a complete reply that makes no progress.
 *
 * @module
 */

/**
 * Multiple of the stall timeout that a complete reply may wait for credit while other replies of its connection make
 * progress.
 */
const PROGRESS_STALL_MULTIPLIER = 10;

/**
 * Returns when a reply without progress since `sinceMs` is given up: `limitMs` after the last progress of its
 * connection, at `progressMs`, but at most ten times `limitMs` after `sinceMs`. On a slow link other replies go first;
 * a peer that gives credit only to those cannot hold memory for ever.
 */
export function stallEndMs(sinceMs: number, progressMs: number, limitMs: number): number {
  return Math.min(
    Math.max(sinceMs, progressMs) + limitMs,
    sinceMs + limitMs * PROGRESS_STALL_MULTIPLIER,
  );
}
