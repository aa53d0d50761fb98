/**
 * Received bytes that wait for the end of a response or for a reader of the body.
 *
 * @module
 */

import { detach } from "../bytes/detach.ts";
import { EMPTY_BYTES } from "../bytes/empty.ts";

// Size from which dropped memory is freed at once, in bytes: with many requests in each read, nearly all of a read waits,
// and megabytes a second would be left to the garbage collector.
const DETACH_BYTES = 4_096;

/** Waiting input of one connection. */
export class HeldInput {
  #bytes: Uint8Array<ArrayBuffer> = EMPTY_BYTES;
  #at = 0;

  /** The bytes; those before {@link start} are processed. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Position of the first byte that waits. */
  get start(): number {
    return this.#at;
  }

  /** Number of bytes buffered; 0 when none wait. */
  get length(): number {
    return this.#bytes.length;
  }

  /** Holds `bytes` from `at` on, instead of what was held. Copies them, unless they are the held ones. */
  keep(bytes: Uint8Array, at: number): void {
    if (at >= bytes.length) return this.clear();
    if (bytes === this.#bytes) {
      this.#at = at;
    } else {
      this.#free();
      this.#bytes = new Uint8Array(bytes.subarray(at));
      this.#at = 0;
    }
  }

  /** Adds `chunk` to the held bytes. */
  append(chunk: Uint8Array): void {
    const { length } = this.#bytes;
    if (length + chunk.length > this.#bytes.buffer.byteLength) {
      const grown = new Uint8Array(Math.max(length * 2, length + chunk.length));
      grown.set(this.#bytes);
      this.#free();
      this.#bytes = grown;
    }
    this.#bytes = new Uint8Array(this.#bytes.buffer, 0, length + chunk.length);
    this.#bytes.set(chunk, length);
  }

  /** Drops the held bytes. No view of them may be read afterwards. */
  clear(): void {
    this.#free();
    this.#bytes = EMPTY_BYTES;
    this.#at = 0;
  }

  #free(): void {
    const { buffer } = this.#bytes;
    if (buffer.byteLength >= DETACH_BYTES) detach(buffer);
  }
}
