/**
 * Options of batching on a client.
 *
 * @module
 */

import { measured, type Ranges, whole } from "../../limits/ranges.ts";

/** When a batch is sent: at the end of the turn, or of `maxDelayMs`, or when it is full. */
export interface BatchOptions {
  /** Calls in a batch, 1 to 65,536. Default 256. */
  readonly maxCalls?: number;
  /** Bytes in a batch; a request larger than this goes on its own. 1 to 1,048,576. Default 65,536. */
  readonly maxBytes?: number;
  /** How long a call may wait for company, 0 to 60,000. Default 0: only for calls made in the same turn. */
  readonly maxDelayMs?: number;
}

/** Ranges of {@link BatchOptions}. */
export const BATCH_RANGES: Ranges<BatchOptions> = {
  maxCalls: whole(1, 65_536),
  maxBytes: whole(1, 1_048_576),
  maxDelayMs: measured(0, 60_000),
};
