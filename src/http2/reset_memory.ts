/**
 * Streams that this side has reset recently. Frames that the peer sent before it saw the reset are legal (RFC 9113
 * §5.1, "closed"): they are distinguished from frames for streams that the peer itself has closed.
 *
 * @module
 */

// Number of streams remembered; of older ones, only the largest identifier is kept.
const REMEMBERED_RESETS = 256;

/** What is known about a frame of a stream that is not open. */
export type ResetKnowledge =
  /** This side reset the stream, and the frame fits the peer's remaining credit. */
  | "within-window"
  /**
   * This side reset the stream; the frame exceeds the peer's remaining credit, or is of a type that needs no credit.
   */
  | "beyond-window"
  /** No reset of the stream is remembered. */
  | "unknown";

/** Ring of the streams that this side reset last, with the peer's remaining credit on each. */
export class ResetMemory {
  #ids: number[] | null = null;
  #windows: number[] | null = null;
  #at = 0;
  #largestForgotten = 0;

  /** Remembers a stream; `window` is the peer's remaining credit, in bytes: frames up to that size may be in flight. */
  remember(id: number, window: number): void {
    const ids = this.#ids ??= [];
    const windows = this.#windows ??= [];
    const forgotten = ids[this.#at];
    if (forgotten > this.#largestForgotten) this.#largestForgotten = forgotten;
    ids[this.#at] = id;
    windows[this.#at] = window;
    this.#at = (this.#at + 1) % REMEMBERED_RESETS;
  }

  /** Subtracts `bytes` from the credit of a remembered stream; 0 for frames that need no credit. */
  take(id: number, bytes: number): ResetKnowledge {
    const known = this.#ids === null ? -1 : this.#ids.lastIndexOf(id);
    if (known < 0) return "unknown";
    if (bytes > 0 && (this.#windows![known] -= bytes) >= 0) return "within-window";
    return "beyond-window";
  }

  /** Whether this side may have reset the stream so long ago that it is no longer remembered. */
  mayBeForgotten(id: number): boolean {
    return id <= this.#largestForgotten;
  }
}
