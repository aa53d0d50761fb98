/**
 * Slices of a long read.
 *
 * A read may hold thousands of calls, so it is processed in slices, between which other connections get a turn. Their
 * length follows what they cost, handlers included.
 *
 * @module
 */

import { LARGE_READ_BYTES } from "./read_buffer.ts";

const MIN_SLICE_BYTES = 1_024;
const SLICE_MS = 0.5;

/** Length of the slices of one connection's reads. */
export class SliceLength {
  #bytes = MIN_SLICE_BYTES;

  /** Length of the next slice, in bytes: 1,024 to 65,536. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Halves or doubles the length after a slice of `costMs`. Only a full one can double it: the last may be short. */
  adjust(costMs: number, full: boolean): void {
    if (costMs > SLICE_MS) {
      this.#bytes = Math.max(this.#bytes / 2, MIN_SLICE_BYTES);
    } else if (full && costMs < SLICE_MS / 2) {
      this.#bytes = Math.min(this.#bytes * 2, LARGE_READ_BYTES);
    }
  }
}
