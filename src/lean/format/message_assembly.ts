/**
 * Reassembly of messages that arrive in pieces.
 *
 * @module
 */

// Longest piece that is copied into a shared buffer, in bytes, because a Uint8Array for each would take 200 bytes.
const SMALL_PIECE_BYTES = 1_024;
const MAX_TAIL_BYTES = 4_096;
const MIN_TAIL_BYTES = 64;

/** Gathers the pieces of one message, in memory that grows with the received bytes. */
export class Assembly {
  /** Bytes received. */
  bytes = 0;
  readonly #chunks: Uint8Array[] = [];
  // Buffer for small pieces, filled up to #used; `#seal` appends it to the chunks.
  #tail: Uint8Array | null = null;
  #used = 0;

  /** Creates an empty assembly. `compressed` is the flag of the first piece, which all later pieces must match. */
  constructor(readonly compressed: boolean) {}

  /** Appends `count` bytes of `b` from `at`. `owned`: `b` is never written again, so that parts of it may be kept. */
  append(b: Uint8Array, at: number, count: number, owned: boolean): void {
    const end = at + count;
    this.bytes += count;
    if (count > SMALL_PIECE_BYTES) {
      this.#seal();
      this.#chunks.push(owned ? b.subarray(at, end) : b.slice(at, end));
      return;
    }
    if (this.#tail === null || this.#used + count > this.#tail.length) {
      this.#seal();
      const room = Math.min(MAX_TAIL_BYTES, Math.max(MIN_TAIL_BYTES, this.bytes));
      this.#tail = new Uint8Array(Math.max(room, count));
    }
    this.#tail.set(b.subarray(at, end), this.#used);
    this.#used += count;
  }

  #seal(): void {
    if (this.#tail === null) return;
    this.#chunks.push(this.#tail.subarray(0, this.#used));
    this.#tail = null;
    this.#used = 0;
  }

  /** Joins the pieces in a new buffer. */
  join(): Uint8Array {
    this.#seal();
    const message = new Uint8Array(this.bytes);
    let offset = 0;
    for (const chunk of this.#chunks) {
      message.set(chunk, offset);
      offset += chunk.length;
    }
    return message;
  }
}
