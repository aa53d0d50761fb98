/**
 * Buffers shared by all connections of a thread, in a few sizes, so that idle connections hold none.
 *
 * @module
 */

/**
 * Sizes of pooled buffers in bytes: idle reads, small writes, messages of 16 KiB, busy reads and writes, bulk, full
 * output, messages of 1 MiB with some more fields.
 */
export const POOL_SIZES = [4096, 16384, 32768, 65536, 131072, 270336, 1114112] as const;

// At most some 2 MiB is kept per size; beyond that, released buffers are left to the garbage collector.
const KEEP_BYTES = 2 * 1024 * 1024;
const free: Uint8Array<ArrayBuffer>[][] = POOL_SIZES.map(() => []);
/** Messages up to this many bytes are in no lent buffer. */
export const LEND_FROM_BYTES = 2_048;
// On the ArrayBuffer of a message on its way out: the whole buffer. A WeakSet would cost twice as much.
const LENT = Symbol("lent");

interface LentBuffer extends ArrayBuffer {
  [LENT]?: Uint8Array<ArrayBuffer>;
}

/** A buffer of at least `minBytes`; contents are arbitrary. The caller owns it until `releaseBuffer`. */
export function acquireBuffer(minBytes: number): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < POOL_SIZES.length; i++) {
    if (POOL_SIZES[i] >= minBytes) return free[i].pop() ?? new Uint8Array(POOL_SIZES[i]);
  }
  return new Uint8Array(minBytes);
}

/** Gives a buffer back. The caller must hold no view of it that is still to be read. */
export function releaseBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const i = (POOL_SIZES as readonly number[]).indexOf(buffer.length);
  if (i >= 0 && free[i].length * buffer.length < KEEP_BYTES) free[i].push(buffer);
}

/**
 * A buffer for one message of at most `maxBytes`, which whoever sends it gives back with `releaseMessage`. One that
 * isn't given back is left to the garbage collector.
 *
 * A message of 1 MiB in a new buffer costs 256 page faults and brings the next collection nearer.
 */
export function lendBuffer(maxBytes: number): Uint8Array<ArrayBuffer> {
  if (maxBytes > POOL_SIZES[POOL_SIZES.length - 1]) return new Uint8Array(maxBytes);
  const buffer = acquireBuffer(maxBytes);
  (buffer.buffer as LentBuffer)[LENT] = buffer;
  return buffer;
}

/**
 * Gives the buffer of a message back if it is a lent one; any other is its owner's. Nobody may read the message
 * afterwards.
 */
export function releaseMessage(message: Uint8Array): void {
  if (message.length <= LEND_FROM_BYTES) return;
  const { buffer } = message as Uint8Array<LentBuffer>;
  const whole = buffer[LENT];
  if (whole === undefined) return;
  buffer[LENT] = undefined;
  releaseBuffer(whole);
}
