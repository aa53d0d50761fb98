/**
 * Decompression of requests within the memory limit of their server.
 *
 * @module
 */

import { detachLarge } from "../../bytes/detach.ts";
import { Status } from "../../call/status.ts";
import { decompress, inflatedBytesStated } from "../../codec/compression.ts";
import { RpcError } from "../../errors.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";

/** Call that a compressed request belongs to. */
export interface CompressedSource {
  /** Compression of messages that are flagged as compressed. */
  readonly encoding: string;
  /** Charges the caller for a message that cannot be decompressed. */
  chargeFault?(): void;
}

/**
 * Decompresses a request and counts its bytes in `memory`; the caller releases them. `message` must not be used
 * afterwards: the memory of a large one is freed. Throws RpcError, with nothing counted: RESOURCE_EXHAUSTED when it
 * exceeds `maxBytes` or the memory, else see {@link decompress}.
 */
export function inflateRequest(
  message: Uint8Array,
  source: CompressedSource,
  maxBytes: number,
  memory: MemoryShare,
): Uint8Array {
  try {
    return inflateCounted(message, source, maxBytes, memory);
  } finally {
    // A message that fills its buffer has it for itself.
    const isWhole = message.length === message.buffer.byteLength;
    if (isWhole) detachLarge(message as Uint8Array<ArrayBuffer>);
  }
}

function inflateCounted(
  message: Uint8Array,
  source: CompressedSource,
  maxBytes: number,
  memory: MemoryShare,
): Uint8Array {
  // Checked ahead of inflating, so that requests without room cost no processor time.
  const declared = inflatedBytesStated(message, source.encoding);
  if (declared <= maxBytes && !memory.allows(declared)) throw memoryUsedUp(declared);
  let inflated: Uint8Array;
  try {
    inflated = decompress(message, source.encoding, maxBytes);
  } catch (error) {
    source.chargeFault?.();
    throw error;
  }
  if (!memory.tryTake(inflated.length)) throw memoryUsedUp(inflated.length);
  return inflated;
}

/** Creates the error of a received message of `bytes` bytes that the server has no memory for. */
export function memoryUsedUp(bytes: number): RpcError {
  return new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Cannot accept a message of ${bytes} bytes: the memory for messages is used up`,
  );
}
