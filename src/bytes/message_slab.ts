/**
 * Copies of small messages, cut from a shared slab. Allocating a buffer for each costs ten times as much as the copy,
 * because V8 allocates buffers of more than 64 bytes outside of its heap.
 *
 * A message that is kept alive keeps its slab of 16 KiB alive, as a small Node Buffer does with its pool of 8 KiB; like
 * that Buffer it cannot be transferred, only copied. Where the runtime cannot prevent transfers, each copy has a buffer
 * of its own.
 *
 * @module
 */

import { EMPTY_BYTES } from "./empty.ts";
import { CAN_MARK_BUFFERS, markAsUntransferable } from "./untransferable.ts";

/** Size of a slab in bytes. */
export const SLAB_BYTES = 16_384;
/** Largest message cut from a slab, in bytes: a quarter of a slab, so that each slab serves four messages or more. */
export const SLAB_MESSAGE_BYTES = 4_096;

// No message shares a buffer where buffers cannot be marked: transferring one to a worker would detach the others.
const LARGEST_BYTES = CAN_MARK_BUFFERS ? SLAB_MESSAGE_BYTES : -1;
// Length in bytes up to which a loop is faster than a view and `set`.
const LOOP_BYTES = 128;
let slab: Uint8Array<ArrayBuffer> = EMPTY_BYTES;
let used = 0;

/** Copies `source` from `start` to `end`; the caller owns the copy. */
export function copyMessage(
  source: Uint8Array,
  start: number,
  end: number,
): Uint8Array<ArrayBuffer> {
  const count = end - start;
  if (count > LARGEST_BYTES) return source.slice(start, end);
  if (count === 0) return EMPTY_BYTES;
  if (used + count > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
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
