/**
 * Receives the body of a message: with a Content-Length, in chunks, or until the connection is closed.
 *
 * @module
 */

import { type BodySink, ChunkedBody, type ChunkedLimits } from "./chunked_body.ts";
import { CHUNKED } from "./framing.ts";
import type { Refusal } from "./refusals.ts";

const NO_TRAILERS: readonly string[] = [];

/** Receives the bodies of a connection's messages, one after another. */
export class BodyReceiver {
  readonly #limits: ChunkedLimits;
  #left = 0;
  #chunked: ChunkedBody | null = null;

  /** Creates a receiver that expects no body until `start`. */
  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
  }

  /** Begins a body of `bodyBytes` bytes; {@link CHUNKED} for a chunked one, Infinity for one that ends with the connection. */
  start(bodyBytes: number): void {
    this.#left = Math.max(0, bodyBytes);
    this.#chunked = bodyBytes === CHUNKED ? new ChunkedBody(this.#limits) : null;
  }

  /** Whether the body is complete. */
  get ended(): boolean {
    return this.#left === 0 && this.#chunked === null;
  }

  /** Missing bytes of a body with a Content-Length; 0 for a chunked one, Infinity for one that ends with the connection. */
  get leftBytes(): number {
    return this.#left;
  }

  /** Bytes buffered for incomplete trailers. */
  get heldBytes(): number {
    return this.#chunked?.heldBytes ?? 0;
  }

  /** Passes the body's part of `bytes`, from `start` on, to `sink`. Returns the position after it, or a refusal. */
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

  /** Abandons the current body, so that no more of it is expected. */
  clear(): void {
    this.#left = 0;
    this.#chunked = null;
  }
}
