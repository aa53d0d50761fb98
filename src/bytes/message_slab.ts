/**
 * Copies of small messages, cut from a shared slab: a buffer of its own for each costs ten times as much as
 * the copy, because every one of more than 64 bytes is made outside of the heap.
 *
 * A message that is kept keeps its slab of 16 KiB, as Node's small Buffers do with theirs of 8 KiB, and like
 * theirs it can't be transferred, only copied.
 *
 * @module
 */

import { markAsUntransferable } from "node:worker_threads";

/** Size of a slab in bytes. */
export const SLAB_BYTES = 16_384;
/** The largest message that is cut from a slab, in bytes. */
export const SLAB_MESSAGE_BYTES = 1_024;

// Below this a loop is faster than making a view for `set`.
const LOOP_BYTES = 128;
const EMPTY = new Uint8Array(0);

let slab: Uint8Array<ArrayBuffer> = EMPTY;
let used = 0;

/** A copy of `source` from `start` to `end` that nobody else writes to. */
export function copyMessage(source: Uint8Array, start: number, end: number): Uint8Array {
  const count = end - start;
  if (count > SLAB_MESSAGE_BYTES) return source.slice(start, end);
  if (count === 0) return EMPTY;
  if (used + count > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    // Who transfers one message to a worker would empty its neighbours, which are others' messages.
    markAsUntransferable(slab.buffer);
    used = 0;
  }
  const at = used;
  used = at + count;
  if (count <= LOOP_BYTES) {
    for (let i = 0; i < count; i++) slab[at + i] = source[start + i];
  } else {
    slab.set(source.subarray(start, end), at);
  }
  return slab.subarray(at, used);
}
