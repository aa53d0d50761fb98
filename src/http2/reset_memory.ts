/**
 * Streams that this side has reset recently. Frames that the peer sent before it saw the reset are legal (RFC 9113
 * §5.1, "closed"): they are distinguished from frames for streams that the peer itself has closed.
 *
 * @module
 */

// Streams remembered; beyond that, only the largest forgotten identifier is known.
const REMEMBERED_RESETS = 256;

/** Knowledge about a stream that is not open. */
export type ResetKnowledge =
  /** Reset here, and the frame fits the credit that the peer had left. */
  | "within-window"
  /** Reset here; the frame is more than that credit, or takes none. */
  | "beyond-window"
  /** Not remembered. */
  | "unknown";

/** A ring of stream identifiers with the credit that the peer had left. */
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

  /** Takes `bytes` off the credit of a remembered stream. */
  take(id: number, bytes: number): ResetKnowledge {
    const known = this.#ids === null ? -1 : this.#ids.lastIndexOf(id);
    if (known < 0) return "unknown";
    if (bytes > 0 && (this.#windows![known] -= bytes) >= 0) return "within-window";
    return "beyond-window";
  }

  /** Whether the stream may have been reset here too long ago to be remembered. */
  mayBeForgotten(id: number): boolean {
    return id <= this.#largestForgotten;
  }
}
