/**
 * A body that is one message, gathered from its parts within a limit.
 *
 * @module
 */

import { detachLarge, resized } from "../../bytes/detach.ts";
import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { copyMessage } from "../../bytes/message_slab.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";

// First allocation for a body whose length is not known, in bytes.
const FIRST_ALLOCATION_BYTES = 512;

/** Why a part was not added. */
export type GatherFault = "too large" | "no memory";

/** Gathers one body. */
export class BodyGatherer {
  readonly #maxBytes: number;
  readonly #memory: MemoryShare;
  readonly #expectedBytes: number;
  #buffer: Uint8Array<ArrayBuffer> = EMPTY_BYTES;
  // Whether nothing else sees the memory of `#buffer`: that of a body which came at once may be a slab's.
  #own = false;
  #length = 0;

  /** Gathers at most `maxBytes`; `expectedBytes` is the announced length, -1 for none. */
  constructor(maxBytes: number, memory: MemoryShare, expectedBytes: number) {
    this.#maxBytes = maxBytes;
    this.#memory = memory;
    this.#expectedBytes = expectedBytes;
  }

  /** Adds a copy of `part` from `start` to `end`; returns why it was not added, or null. */
  add(part: Uint8Array, start: number, end: number): GatherFault | null {
    const length = this.#length + end - start;
    if (length > this.#maxBytes) return "too large";
    if (this.#length === 0 && length === this.#expectedBytes) {
      if (!this.#memory.tryTake(length)) return "no memory";
      this.#buffer = copyMessage(part, start, end);
      this.#length = length;
      return null;
    }
    if (length > this.#buffer.length) {
      const limit = this.#expectedBytes >= length ? this.#expectedBytes : this.#maxBytes;
      const room = Math.min(Math.max(length * 2, FIRST_ALLOCATION_BYTES), limit);
      if (!this.#memory.tryTake(room - this.#buffer.length)) return "no memory";
      this.#grow(room);
    }
    this.#buffer.set(part.subarray(start, end), this.#length);
    this.#length = length;
    return null;
  }

  #grow(room: number): void {
    if (this.#own) {
      this.#buffer = new Uint8Array(resized(this.#buffer.buffer, room));
      return;
    }
    const grown = new Uint8Array(room);
    grown.set(this.#buffer);
    this.#buffer = grown;
    this.#own = true;
  }

  /** Takes the gathered bytes and releases their memory. */
  take(): Uint8Array {
    const whole = this.#buffer.length === this.#length;
    const bytes = whole ? this.#buffer : this.#buffer.slice(0, this.#length);
    if (whole) this.#own = false;
    this.clear();
    return bytes;
  }

  /** Drops the gathered bytes. Idempotent. */
  clear(): void {
    this.#memory.give(this.#buffer.length);
    if (this.#own) detachLarge(this.#buffer);
    this.#buffer = EMPTY_BYTES;
    this.#own = false;
    this.#length = 0;
  }
}
