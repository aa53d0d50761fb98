/**
 * Pool of buffers in a few sizes, shared by all connections of a thread, so that idle connections hold none.
 *
 * @module
 */

import { detach } from "./detach.ts";

/**
 * Sizes of pooled buffers, in bytes. In order: idle reads, small writes, messages of 16 KiB, busy reads and writes,
 * bulk transfers, full output, and messages of 1 MiB with their other fields.
 */
export const POOL_SIZES = [4096, 16384, 32768, 65536, 131072, 270336, 1114112] as const;

// Total of the free buffers kept of each size, in bytes: of those below 64 KiB enough for the replies of 30 KB that a
// hundred calls in flight have queued behind their windows, of those for full output enough for ten connections.
const MIB = 1_048_576;
const KEEP_BYTES = [4 * MIB, 4 * MIB, 4 * MIB, 2 * MIB, 2 * MIB, 3 * MIB, 2 * MIB] as const;
// Size from which a further buffer is freed at once, by detaching it, instead of by the garbage collector: connections
// that come and go leave tens of megabytes between two collections.
const DETACH_BYTES = 65_536;
const free: Uint8Array<ArrayBuffer>[][] = POOL_SIZES.map(() => []);
/** Messages up to this many bytes never come from {@link lendBuffer}. */
export const LEND_FROM_BYTES = 2_048;
// Property of a lent ArrayBuffer that holds the view of the whole buffer; a WeakSet would cost twice as much.
const LENT = Symbol("lent");

interface LentBuffer extends ArrayBuffer {
  [LENT]?: Uint8Array<ArrayBuffer>;
}

/** Takes a buffer of at least `minBytes` with arbitrary contents. The caller owns it until `releaseBuffer`. */
export function acquireBuffer(minBytes: number): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < POOL_SIZES.length; i++) {
    if (POOL_SIZES[i] >= minBytes) return free[i].pop() ?? new Uint8Array(POOL_SIZES[i]);
  }
  return new Uint8Array(minBytes);
}

/** Returns a buffer to the pool. No view of it may be read afterwards. */
export function releaseBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const i = (POOL_SIZES as readonly number[]).indexOf(buffer.length);
  if (i < 0) return;
  if (free[i].length * buffer.length < KEEP_BYTES[i]) free[i].push(buffer);
  else if (buffer.length >= DETACH_BYTES) detach(buffer.buffer);
}

/**
 * Lends a buffer for one message of at most `maxBytes`. The engine that sends the message returns it with
 * `releaseMessage`; otherwise the garbage collector takes it.
 *
 * A new buffer for a message of 1 MiB costs 256 page faults and brings the next collection nearer.
 */
export function lendBuffer(maxBytes: number): Uint8Array<ArrayBuffer> {
  if (maxBytes > POOL_SIZES[POOL_SIZES.length - 1]) return new Uint8Array(maxBytes);
  const buffer = acquireBuffer(maxBytes);
  (buffer.buffer as LentBuffer)[LENT] = buffer;
  return buffer;
}

/**
 * Returns a message's buffer to the pool if it was lent, such as by `encodeLent`; other messages are left alone. The
 * message may not be read afterwards.
 */
export function releaseMessage(message: Uint8Array): void {
  if (message.length <= LEND_FROM_BYTES) return;
  const { buffer } = message as Uint8Array<LentBuffer>;
  const whole = buffer[LENT];
  if (whole === undefined) return;
  buffer[LENT] = undefined;
  releaseBuffer(whole);
}
