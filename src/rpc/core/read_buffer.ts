/**
 * Read buffer of one connection.
 *
 * An idle connection waits with a small buffer. A read that fills it exchanges it for a large one of the pool, which
 * busy connections share; a series of short reads exchanges it back.
 *
 * @module
 */

import { acquireBuffer, releaseBuffer } from "../../bytes/pool.ts";

/** Size of an idle connection's buffer, in bytes. */
export const SMALL_READ_BYTES = 4_096;
/** Size of a busy connection's buffer, in bytes. */
export const LARGE_READ_BYTES = 65_536;
// Size in bytes of a busy connection's buffer beyond the first MAX_LARGE, and of that for input that is dropped: hundreds
// of connections may send megabytes at once, or at their end.
const MEDIUM_READ_BYTES = 16_384;
// Number of large buffers in use at once; together 4 MiB.
const MAX_LARGE = 64;
// Number of consecutive short reads after which a connection returns to the small buffer.
const SHORT_READS = 16;

// Number of large buffers that the connections of this thread have.
let large = 0;

/** A pooled buffer that grows and shrinks with the reads. */
export class ReadBuffer {
  #bytes = acquireBuffer(SMALL_READ_BYTES);
  #shortReads = 0;

  /** The buffer for the next read. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Adjusts the size after a read of `count` bytes, whose content must not be used afterwards. */
  adjust(count: number): void {
    const { length } = this.#bytes;
    if (count === length && length < LARGE_READ_BYTES) {
      this.#replace(large < MAX_LARGE ? LARGE_READ_BYTES : MEDIUM_READ_BYTES);
    } else if (length > SMALL_READ_BYTES && this.#shortReads >= SHORT_READS) {
      this.#replace(SMALL_READ_BYTES);
    } else if (length > SMALL_READ_BYTES && count < SMALL_READ_BYTES) {
      this.#shortReads++;
    } else {
      this.#shortReads = 0;
    }
  }

  /** Adjusts the size once what is read is dropped. */
  discard(): void {
    this.#replace(MEDIUM_READ_BYTES);
  }

  /** Returns the buffer to the pool. */
  release(): void {
    if (this.#bytes.length === LARGE_READ_BYTES) large--;
    releaseBuffer(this.#bytes);
  }

  #replace(size: number): void {
    if (this.#bytes.length === size) return;
    this.release();
    if (size === LARGE_READ_BYTES) large++;
    this.#bytes = acquireBuffer(size);
    this.#shortReads = 0;
  }
}
