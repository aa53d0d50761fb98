/**
 * Queue of one stream's bytes that wait for flow control.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { releaseMessage } from "../bytes/pool.ts";

// Messages up to this size, in bytes, are copied into shared chunks, which avoids many small arrays; larger ones are
// not copied.
const COPY_BYTES = 4_096;

/**
 * First-in, first-out queue of bytes. It owns the pushed buffers, and returns lent ones to their pool once sent.
 *
 * The application may still detach a buffer that it passed, which leaves a view of 0 bytes: the queue then cannot
 * provide the bytes that it counts.
 */
export class SendQueue {
  #chunks: Uint8Array[] = [];
  #head = 0;
  #headOffset = 0;
  // Last chunk, if small messages may still be appended to it, and the number of bytes in it.
  #tail: Uint8Array | null = null;
  #tailLength = 0;
  /** Number of queued bytes. */
  length = 0;
  /** Whether bytes were taken from the queue. Until then it begins with the start of a message. */
  begun = false;

  /** Appends `prefix` (copied) and `body` (copied if small, else owned from now on). */
  push(prefix: Uint8Array | null, body: Uint8Array): void {
    if (body.length <= COPY_BYTES) {
      if (prefix !== null) this.#copy(prefix);
      this.#copy(body);
      releaseMessage(body);
    } else {
      this.#seal();
      if (prefix !== null) {
        // The copy is exactly as long as the prefix, because nothing is appended to a chunk before an uncopied body.
        this.#chunks.push(prefix.slice());
        this.length += prefix.length;
      }
      this.#chunks.push(isResizable(body) ? body.slice() : body);
      this.length += body.length;
    }
  }

  #copy(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#tail === null || this.#tailLength + bytes.length > this.#tail.length) {
      this.#seal();
      this.#tail = new Uint8Array(Math.max(bytes.length, this.length > 0 ? COPY_BYTES : 256));
      this.#tailLength = 0;
      this.#chunks.push(this.#tail);
    }
    this.#tail.set(bytes, this.#tailLength);
    this.#tailLength += bytes.length;
    this.length += bytes.length;
  }

  #seal(): void {
    if (this.#tail === null) return;
    this.#chunks[this.#chunks.length - 1] = this.#tail.subarray(0, this.#tailLength);
    this.#tail = null;
  }

  /**
   * Moves `count` bytes (at most `length`) to `target` at `offset`. Returns false if one of the buffers was detached;
   * the queue can only be discarded then, and still counts the bytes.
   */
  shiftInto(target: Uint8Array, offset: number, count: number): boolean {
    const left = this.length - count;
    while (count > 0) {
      const chunk = this.#chunks[this.#head];
      const end = chunk === this.#tail ? this.#tailLength : chunk.length;
      if (end === 0) return false;
      const part = Math.min(count, end - this.#headOffset);
      target.set(chunk.subarray(this.#headOffset, this.#headOffset + part), offset);
      offset += part;
      count -= part;
      this.#headOffset += part;
      if (this.#headOffset === end) this.#dropHead(chunk);
    }
    this.length = left;
    this.begun = true;
    return true;
  }

  #dropHead(chunk: Uint8Array): void {
    if (chunk === this.#tail) this.#tail = null;
    else releaseMessage(chunk);
    this.#headOffset = 0;
    this.#head++;
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#head = 0;
    } else if (this.#head >= 32) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    } else {
      this.#chunks[this.#head - 1] = EMPTY_BYTES;
    }
  }
}

/** Whether the length of a view may change: its buffer is resizable, or shared and growable. */
function isResizable({ buffer }: Uint8Array): boolean {
  return buffer instanceof ArrayBuffer
    ? buffer.resizable
    : (buffer as SharedArrayBuffer & { growable: boolean }).growable;
}
