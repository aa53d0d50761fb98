/**
 * A message whose pieces are still coming.
 *
 * @module
 */

// Pieces up to this many bytes are copied together: an object of its own for a piece of 1 byte is 200.
const SMALL_PIECE_BYTES = 1_024;
const MAX_TAIL_BYTES = 4_096;
const MIN_TAIL_BYTES = 64;

/** Gathers pieces, in memory that grows with what has come. */
export class Assembly {
  /** How many bytes have come. */
  bytes = 0;
  readonly #chunks: Uint8Array[] = [];
  // Where small pieces go, filled to #used. Not yet among the chunks.
  #tail: Uint8Array | null = null;
  #used = 0;

  /** Makes an empty one; `compressed` is what every piece has to say too. */
  constructor(readonly compressed: boolean) {}

  /** Appends `count` bytes of `b` from `at`; `owned` says that nobody else writes to `b`. */
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

  /** The message, in memory of its own. */
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
