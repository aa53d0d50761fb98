/**
 * Requests that look alike: a header block that repeats byte by byte while the HPACK table stays as it was
 * means the same fields. A hit saves decoding and checking: measured 0.4 µs of 1.9 µs per unary call.
 *
 * @module
 */

import { FieldSummary } from "./field_check.ts";

// Indexed blocks are short; a block with literals rarely repeats.
const MAX_BLOCK_BYTES = 64;

/** The last block of one connection that came twice in a row. */
export class BlockCache {
  #bytes = new Uint8Array(0);
  #summary: FieldSummary | null = null;
  #version = -1;
  // The block before, which is kept when it comes again.
  #last = new Uint8Array(0);
  #lastLength = 0;
  #lastVersion = -1;

  /**
   * What the check and the layer above found in the same block, when the table (`version`) is still as it
   * was; null when it has to be decoded.
   */
  find(buffer: Uint8Array, start: number, end: number, version: number): FieldSummary | null {
    const summary = this.#summary;
    if (summary === null || summary.parsed === null || this.#version !== version) return null;
    return equal(this.#bytes, this.#bytes.length, buffer, start, end) ? summary : null;
  }

  /**
   * Offers a block that was decoded and found good, with the table's version before and after. Returns the
   * summary to go on with: one that is kept when the block is, else the given one.
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
  // From the end: what differs between calls stands there.
  for (let i = length - 1; i >= 0; i--) if (known[i] !== buffer[start + i]) return false;
  return true;
}
