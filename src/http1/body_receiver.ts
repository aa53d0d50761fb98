/**
 * Body of the request that is being received, in either framing.
 *
 * @module
 */

import { type BodySink, ChunkedBody, type ChunkedLimits } from "./chunked_body.ts";
import { CHUNKED } from "./framing.ts";
import type { Refusal } from "./refusals.ts";

const NO_TRAILERS: readonly string[] = [];

/** Receives one body after another. */
export class BodyReceiver {
  readonly #limits: ChunkedLimits;
  #left = 0;
  #chunked: ChunkedBody | null = null;

  /** Starts between two bodies. */
  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
  }

  /** Begins a body of `bodyBytes` bytes, or {@link CHUNKED}. */
  start(bodyBytes: number): void {
    this.#left = Math.max(0, bodyBytes);
    this.#chunked = bodyBytes === CHUNKED ? new ChunkedBody(this.#limits) : null;
  }

  /** Whether the body is complete. */
  get ended(): boolean {
    return this.#left === 0 && this.#chunked === null;
  }

  /** Bytes that are known to be missing; 0 for chunks. */
  get leftBytes(): number {
    return this.#left;
  }

  /** Bytes held of incomplete trailers. */
  get heldBytes(): number {
    return this.#chunked?.heldBytes ?? 0;
  }

  /** Passes `bytes` from `start` on to `sink`. Returns the position up to which they were used, or a refusal. */
  receive(bytes: Uint8Array, start: number, sink: BodySink): number | Refusal {
    const chunked = this.#chunked;
    if (chunked !== null) {
      const used = chunked.receive(bytes, start, sink);
      if (chunked.ended) this.#chunked = null;
      return used;
    }
    const end = Math.min(bytes.length, start + this.#left);
    this.#left -= end - start;
    sink.onBytes(bytes.subarray(start, end));
    if (this.#left === 0) sink.onEnd(NO_TRAILERS);
    return end;
  }

  /** Drops the body. */
  clear(): void {
    this.#left = 0;
    this.#chunked = null;
  }
}
