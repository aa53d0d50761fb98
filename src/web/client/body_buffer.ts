/**
 * A whole body, gathered from its parts.
 *
 * @module
 */

import { EMPTY_BYTES, noBytes } from "../../bytes/empty.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";

// First allocation, in bytes: the buffer grows with the received bytes, not with a declared length.
const FIRST_ALLOCATION_BYTES = 256;

/** Gathers one body within a limit. */
export class BodyBuffer {
  readonly #maxBytes: number;
  readonly #memory: MemoryShare;
  #bytes: Uint8Array<ArrayBuffer> = EMPTY_BYTES;
  #length = 0;

  /** Accepts at most `maxBytes` bytes, which count in `memory` until they are taken or dropped. */
  constructor(maxBytes: number, memory: MemoryShare) {
    this.#maxBytes = maxBytes;
    this.#memory = memory;
  }

  /** Bytes gathered so far. */
  get length(): number {
    return this.#length;
  }

  /** Appends a copy of `buffer[start..end)`; returns why it is not accepted, or null. */
  add(buffer: Uint8Array, start: number, end: number): string | null {
    const length = this.#length + end - start;
    if (length > this.#maxBytes) {
      return `Cannot accept a message of ${length} bytes: the limit is ${this.#maxBytes}`;
    }
    if (length > this.#bytes.length) {
      const wanted = Math.max(length, this.#bytes.length * 2, FIRST_ALLOCATION_BYTES);
      if (!this.#memory.tryTake(wanted - this.#bytes.length)) {
        return `Cannot accept a message of ${length} bytes: the memory for messages is used up`;
      }
      const grown = new Uint8Array(wanted);
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(buffer.subarray(start, end), this.#length);
    this.#length = length;
    return null;
  }

  /** Returns the body, which the caller then owns, and empties the buffer. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#length === 0 ? noBytes() : this.#bytes.subarray(0, this.#length);
    this.drop();
    return bytes;
  }

  /** Drops the bytes. Idempotent. */
  drop(): void {
    this.#memory.give(this.#bytes.length);
    this.#bytes = EMPTY_BYTES;
    this.#length = 0;
  }
}
