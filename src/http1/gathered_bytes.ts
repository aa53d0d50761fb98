/**
 * Buffer for a header section or trailers that arrive in several pieces.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";

const MIN_BYTES = 256;

/** Header section or trailers: `bytes[start..end)`. */
export interface Section {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Gathers the pieces of a section. Holds no memory while it is empty, because most sections arrive in one piece. */
export class GatheredBytes {
  #bytes: Uint8Array = EMPTY_BYTES;
  #length = 0;

  /** Number of bytes gathered. */
  get length(): number {
    return this.#length;
  }

  /** Appends a copy of `bytes[start..end)`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(MIN_BYTES, length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
  }

  /**
   * Returns the gathered bytes followed by `bytes[start..end)` and empties the buffer. Copies nothing if no bytes were
   * gathered.
   */
  takeWith(bytes: Uint8Array, start: number, end: number): Section {
    if (this.#length === 0) return { bytes, start, end };
    this.add(bytes, start, end);
    const section = { bytes: this.#bytes, start: 0, end: this.#length };
    this.clear();
    return section;
  }

  /** Drops the bytes. */
  clear(): void {
    this.#bytes = EMPTY_BYTES;
    this.#length = 0;
  }
}
