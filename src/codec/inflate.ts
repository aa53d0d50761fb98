/**
 * What the compressions have in common: bounded calls of node:zlib, and errors.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";

/** Smallest buffer of node:zlib. Smaller ones are slices of Node's pool: their transfer to a worker would detach others. */
export const MIN_CHUNK_BYTES = 4_096;
/** Longest message, in bytes, that is left to node:zlib, whose time has no bound but takes 13 µs for 12 bytes at most. */
export const MAX_NATIVE_BYTES = 32_768;
// Largest buffer of a message whose length is not declared; the result grows by as much.
const MAX_CHUNK_BYTES = 262_144;
// Inflated bytes to each compressed one, of a usual message.
const USUAL_RATIO = 4;

/** Creates the error of a message that is not valid data of its compression. */
export function corruptMessage(encoding: string, cause?: unknown): RpcError {
  return new RpcError(Status.INTERNAL, `Cannot decompress a message: corrupt ${encoding} data`, {
    cause,
  });
}

/** Creates the error of a message that is too large when it is inflated. */
export function tooLargeMessage(message: Uint8Array, maxBytes: number): RpcError {
  return new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Message of ${message.length} compressed bytes inflates past the limit of ${maxBytes} bytes`,
  );
}

// Blocks that every message may have, and bytes that each further one must stand for on average. Compressors make blocks of
// 10,000 bytes and more, unless they flush.
const FREE_BLOCKS = 1_024;
const LEAST_BLOCK_BYTES = 4_096;

/**
 * Largest number of blocks of a message with `bytes`: beginning one takes up to 13 µs, however little it contains, so that
 * 4 MiB of the shortest would take seconds.
 */
export function mostBlocks(bytes: number): number {
  return FREE_BLOCKS + bytes / LEAST_BLOCK_BYTES;
}

/** Creates the error of a message with more blocks than {@link mostBlocks}. */
export function tooManyBlocks(message: Uint8Array): RpcError {
  return new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Message of ${message.length} compressed bytes has too many blocks for what it contains`,
  );
}

/** Returns a plain view of a Buffer, whose methods (`slice` …) differ and must not reach handlers. */
export function plainView(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** Returns the parts one after another, `total` bytes together. */
export function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  const all = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Options of a synchronous function of node:zlib. */
export interface InflateOptions {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
  readonly info: true;
}

/** Result of such a function with `info`, which its types do not know. */
interface Inflated {
  readonly buffer: Uint8Array;
  /** The number of bytes that it has read. */
  readonly engine: { readonly bytesWritten: number };
}

/**
 * Inflates `message` with a function of node:zlib to at most `maxBytes`, as far as the data goes. Throws RpcError:
 * RESOURCE_EXHAUSTED beyond the limit, INTERNAL for corrupt data. `declaredBytes`: length that the message declares.
 */
export function inflateWith(
  inflate: (message: Uint8Array, options: InflateOptions) => unknown,
  message: Uint8Array,
  encoding: string,
  maxBytes: number,
  declaredBytes?: number,
): { bytes: Uint8Array; readBytes: number } {
  // One byte more than declared, because zlib allocates another chunk when the output fits exactly.
  const expected = declaredBytes === undefined
    ? Math.min(message.length * USUAL_RATIO, maxBytes + 1, MAX_CHUNK_BYTES)
    : declaredBytes + 1;
  let inflated: Inflated;
  try {
    inflated = inflate(message, {
      maxOutputLength: Math.max(1, maxBytes),
      chunkSize: Math.max(MIN_CHUNK_BYTES, expected),
      info: true,
    }) as Inflated;
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLargeMessage(message, maxBytes);
    }
    throw corruptMessage(encoding, cause);
  }
  const bytes = plainView(inflated.buffer);
  if (bytes.length > maxBytes) throw tooLargeMessage(message, maxBytes);
  return { bytes, readBytes: inflated.engine.bytesWritten };
}
