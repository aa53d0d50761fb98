/**
 * Buffers whose memory is freed or moved at once, before a garbage collection.
 *
 * @module
 */

const hasTransfer = "transfer" in ArrayBuffer.prototype;

/** Frees the memory of `buffer`, which must not be used any more. */
export function detach(buffer: ArrayBuffer): void {
  if (hasTransfer) buffer.transfer(0);
  else structuredClone(buffer, { transfer: [buffer] });
}

// Size from which the memory of dropped bytes is worth freeing at once.
const LARGE_BYTES = 65_536;

/**
 * Frees the memory of `bytes`, which must not be used any more, if it is large: until a garbage collection, megabytes of
 * others may come. `bytes` must be the only view of its buffer.
 */
export function detachLarge(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.length >= LARGE_BYTES) detach(bytes.buffer);
}

/** Moves the bytes of `buffer`, which must not be used any more, to one of `size` bytes. */
export function resized(buffer: ArrayBuffer, size: number): ArrayBuffer {
  if (hasTransfer) return buffer.transfer(size);
  const moved = new Uint8Array(size);
  moved.set(new Uint8Array(buffer, 0, Math.min(size, buffer.byteLength)));
  detach(buffer);
  return moved.buffer;
}

/** Whether the memory of `buffer` was moved or freed. */
export function isDetached(buffer: ArrayBuffer): boolean {
  if ("detached" in buffer) return buffer.detached;
  try {
    // Node 20: a view of a detached buffer cannot be made.
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
