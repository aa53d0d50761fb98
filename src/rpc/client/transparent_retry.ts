/**
 * Transparent retries (gRPC A6): a call that no server has processed starts again, whatever the policy.
 *
 * @module
 */

import type { CallProgress } from "../../call/wire.ts";

// Cap on retries of a call that no server processed: it ends a loop with a peer that drops every call.
const MAX_UNPROCESSED = 16;

/** A call that can start again unnoticed by its caller. */
export interface TransparentlyRetried {
  /** Attempts that never left the client or that no server processed; initially 0. */
  unprocessedAttempts: number;
  /** Whether a server has refused the call before any processing; initially false. */
  refused: boolean;
  /** Starts the call again, unless it has ended in the meantime. */
  restart(): void;
}

/**
 * Calls `restart` in a microtask if an attempt that ended with `progress` may be repeated: up to 16 times when
 * unprocessed, once when refused. Returns whether the call is repeated.
 */
export function retryTransparently(call: TransparentlyRetried, progress: CallProgress): boolean {
  if (progress === "processed") return false;
  if (progress === "refused") {
    if (call.refused) return false;
    call.refused = true;
  } else if (++call.unprocessedAttempts > MAX_UNPROCESSED) {
    return false;
  }
  // The restart is deferred, because the engine may be in the middle of ending all calls of a connection.
  queueMicrotask(() => call.restart());
  return true;
}
