/**
 * Gives up complete replies whose bytes do not move, so that a peer that takes no data does not hold memory for ever. A
 * stream whose handler still runs is bounded by its send buffer and deadline instead.
 *
 * @module
 */

import { stallEndMs } from "../limits/stall.ts";
import { ErrorCode } from "./constants.ts";
import type { StreamCloser } from "./stream_closer.ts";
import type { StreamTable } from "./stream_table.ts";

/** Looks at a server's queued replies twice per stall time while there are any. */
export class StallWatch {
  /** When to look next. */
  nextMs = Infinity;
  readonly #limitMs: number;
  readonly #streams: StreamTable;
  readonly #closer: StreamCloser;
  /** When the transport last took output, or the peer gave credit. */
  #progressMs = 0;

  /** `limitMs`: how long a complete reply may stand still while the connection does. */
  constructor(limitMs: number, streams: StreamTable, closer: StreamCloser) {
    this.#limitMs = limitMs;
    this.#streams = streams;
    this.#closer = closer;
  }

  /** The connection moves. */
  progress(nowMs: number): void {
    this.#progressMs = nowMs;
  }

  /** Bytes of a reply are queued. */
  watch(nowMs: number): void {
    if (this.nextMs === Infinity) this.nextMs = nowMs + this.#limitMs / 2;
  }

  /** Resets the streams whose time is over. */
  onTimer(nowMs: number): void {
    if (nowMs < this.nextMs) return;
    this.nextMs = Infinity;
    let waiting = false;
    for (const stream of this.#streams.open.values()) {
      if (stream.queue === null) continue;
      waiting = true;
      // Counted from the first look: the time of the queueing itself may have been long out of date.
      if (stream.progressMs === 0) stream.progressMs = nowMs;
      const complete = stream.endQueued || stream.trailersQueued;
      if (!complete) continue;
      if (nowMs < stallEndMs(stream.progressMs, this.#progressMs, this.#limitMs)) continue;
      this.#closer.streamError(
        stream,
        ErrorCode.CANCEL,
        `The peer accepted no data within ${this.#limitMs} ms`,
      );
    }
    if (waiting) this.nextMs = nowMs + this.#limitMs / 2;
  }
}
