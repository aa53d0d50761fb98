/**
 * Resets streams whose complete reply makes no progress, so that a peer that reads no data cannot hold memory for ever.
 * A stream whose handler still runs is bounded by its send buffer and deadline instead.
 *
 * @module
 */

import { stallEndMs } from "../limits/stall.ts";
import { ErrorCode } from "./constants.ts";
import type { StreamCloser } from "./stream_closer.ts";
import type { StreamTable } from "./stream_table.ts";

/** Checks a server's queued replies for progress, twice per stall timeout. */
export class StallWatch {
  /** Time of the next check, in ms; Infinity while no reply is queued. */
  nextMs = Infinity;
  readonly #limitMs: number;
  readonly #streams: StreamTable;
  readonly #closer: StreamCloser;
  /** Time at which the transport last accepted output or the peer last gave credit, in ms. */
  #progressMs = 0;

  /** `limitMs`: time after which a complete reply is given up when neither it nor its connection makes progress. */
  constructor(limitMs: number, streams: StreamTable, closer: StreamCloser) {
    this.#limitMs = limitMs;
    this.#streams = streams;
    this.#closer = closer;
  }

  /** Records progress of the connection: output accepted, or credit received. */
  progress(nowMs: number): void {
    this.#progressMs = nowMs;
  }

  /** Schedules a check unless one is scheduled. Called when bytes of a reply are queued. */
  watch(nowMs: number): void {
    if (this.nextMs === Infinity) this.nextMs = nowMs + this.#limitMs / 2;
  }

  /** Resets the streams that have exceeded their time limit. */
  onTimer(nowMs: number): void {
    if (nowMs < this.nextMs) return;
    this.nextMs = Infinity;
    let waiting = false;
    for (const stream of this.#streams.open.values()) {
      if (stream.queue === null) continue;
      waiting = true;
      // The wait counts from the first check, because the engine's time may be out of date when bytes are queued.
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
