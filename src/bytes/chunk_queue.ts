/**
 * Received bytes that have not been read yet.
 *
 * @module
 */

/** Chunks of bytes, first in first out. */
export class ChunkQueue {
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** Number of bytes in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a chunk, which must not change any more. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Moves bytes to the start of `buffer`, as many as fit; returns their number. */
  take(buffer: Uint8Array): number {
    let taken = 0;
    let used = 0;
    while (used < this.#chunks.length && taken < buffer.length) {
      const chunk = this.#chunks[used];
      const count = Math.min(chunk.length, buffer.length - taken);
      buffer.set(count === chunk.length ? chunk : chunk.subarray(0, count), taken);
      taken += count;
      if (count < chunk.length) {
        this.#chunks[used] = chunk.subarray(count);
        break;
      }
      used++;
    }
    this.#chunks.splice(0, used);
    this.#bytes -= taken;
    return taken;
  }

  /** Drops all bytes. */
  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }
}
