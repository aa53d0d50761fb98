/**
 * A body that is one message, gathered from its parts within a limit.
 *
 * A body beyond 64 KiB is gathered in blocks and joined once it is complete: a buffer that grows by moving leaves holes
 * of all sizes in the process's memory, about as large as the unfinished bodies of hundreds of connections.
 *
 * @module
 */

import { EMPTY_BYTES, noBytes } from "../../bytes/empty.ts";
import { copyMessage } from "../../bytes/message_slab.ts";
import { acquireBuffer, releaseBuffer } from "../../bytes/pool.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";

// First allocation for a body whose length is not known, in bytes.
const FIRST_ALLOCATION_BYTES = 512;
// A size of the buffer pool.
const BLOCK_BYTES = 65_536;

/** Why a part was not added. */
export type GatherFault = "too large" | "no memory";

/** Gathers one body. */
export class BodyGatherer {
  readonly #maxBytes: number;
  readonly #memory: MemoryShare;
  readonly #expectedBytes: number;
  /** The blocks before `#buffer`, each full. */
  #blocks: Uint8Array<ArrayBuffer>[] = [];
  #buffer: Uint8Array<ArrayBuffer> = EMPTY_BYTES;
  /** Number of bytes in `#buffer`. */
  #filled = 0;
  #length = 0;
  /** Number of bytes counted in `#memory`. */
  #counted = 0;

  /** Gathers at most `maxBytes`; `expectedBytes` is the announced length, -1 for none. */
  constructor(maxBytes: number, memory: MemoryShare, expectedBytes: number) {
    this.#maxBytes = maxBytes;
    this.#memory = memory;
    this.#expectedBytes = expectedBytes;
  }

  /** Adds a copy of `part` from `start` to `end`; returns why it was not added, or was only in part, or null. */
  add(part: Uint8Array, start: number, end: number): GatherFault | null {
    const length = this.#length + end - start;
    if (length > this.#maxBytes) return "too large";
    if (this.#length === 0 && length === this.#expectedBytes) {
      if (!this.#count(length)) return "no memory";
      this.#buffer = copyMessage(part, start, end);
      this.#filled = this.#length = length;
      return null;
    }
    for (let at = start; at < end;) {
      if (this.#filled === this.#buffer.length && !this.#grow(end - at)) return "no memory";
      const count = Math.min(end - at, this.#buffer.length - this.#filled);
      this.#buffer.set(part.subarray(at, at + count), this.#filled);
      this.#filled += count;
      this.#length += count;
      at += count;
    }
    return null;
  }

  /** Makes room for more bytes, of which `count` are at hand. Returns false when the memory is used up. */
  #grow(count: number): boolean {
    const length = this.#length + count;
    // A body that came at once, and was then longer than announced, is a block of another size.
    const isFull = this.#buffer.length >= BLOCK_BYTES;
    // Bytes in the blocks before the one that is made or grows.
    const before = isFull ? this.#length : this.#length - this.#filled;
    const limit = this.#expectedBytes >= length ? this.#expectedBytes : this.#maxBytes;
    const wanted = Math.max(length * 2, FIRST_ALLOCATION_BYTES) - before;
    const room = Math.min(wanted, limit - before, BLOCK_BYTES);
    if (!this.#count(isFull ? room : room - this.#buffer.length)) return false;
    const grown = room === BLOCK_BYTES ? acquireBuffer(room) : new Uint8Array(room);
    if (isFull) {
      this.#blocks.push(this.#buffer);
      this.#filled = 0;
    } else {
      grown.set(this.#buffer);
    }
    this.#buffer = grown;
    return true;
  }

  #count(bytes: number): boolean {
    if (!this.#memory.tryTake(bytes)) return false;
    this.#counted += bytes;
    return true;
  }

  /** Takes the gathered bytes and releases their memory. */
  take(): Uint8Array {
    const length = this.#length;
    if (length === 0) {
      this.clear();
      return noBytes();
    }
    if (length === this.#buffer.length) {
      const bytes = this.#buffer;
      this.#forget();
      return bytes;
    }
    const joined = new Uint8Array(length);
    let at = 0;
    for (const block of this.#blocks) {
      joined.set(block, at);
      at += block.length;
    }
    joined.set(this.#buffer.subarray(0, this.#filled), at);
    this.clear();
    return joined;
  }

  /** Drops the gathered bytes. Idempotent. */
  clear(): void {
    for (const block of this.#blocks) releaseBuffer(block);
    // A shorter one may be part of a slab.
    if (this.#buffer.length >= BLOCK_BYTES) releaseBuffer(this.#buffer);
    this.#forget();
  }

  #forget(): void {
    this.#memory.give(this.#counted);
    this.#counted = 0;
    this.#blocks = [];
    this.#buffer = EMPTY_BYTES;
    this.#filled = 0;
    this.#length = 0;
  }
}
