/**
 * Options of batching on the client.
 *
 * @module
 */

import { measured, type Ranges, whole } from "../../limits/ranges.ts";

/** Limits of a batch, which is sent when it is full, at the end of the turn, or after `maxDelayMs`. */
export interface BatchOptions {
  /** Calls per batch, 1 to 65,536. Default 256. */
  readonly maxCalls?: number;
  /** Size of a batch in bytes, 1 to 1,048,576; larger requests are sent singly. Default 65,536. */
  readonly maxBytes?: number;
  /** Longest wait for further calls, in ms, 0 to 60,000. Default 0: until the end of the turn. */
  readonly maxDelayMs?: number;
}

/** Ranges of {@link BatchOptions}. */
export const BATCH_RANGES: Ranges<BatchOptions> = {
  maxCalls: whole(1, 65_536),
  maxBytes: whole(1, 1_048_576),
  maxDelayMs: measured(0, 60_000),
};
