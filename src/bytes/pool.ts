/**
 * Buffers shared by all connections of a thread, in a few sizes, so that idle connections hold none.
 *
 * @module
 */

/** Sizes of pooled buffers in bytes: idle reads, busy reads and writes, bulk. */
export const POOL_SIZES = [4096, 16384, 65536, 262144] as const;

// At most 2 MiB is kept per size; beyond that, released buffers are left to the garbage collector.
const KEEP_BYTES = 2 * 1024 * 1024;
const free: Uint8Array<ArrayBuffer>[][] = POOL_SIZES.map(() => []);

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
