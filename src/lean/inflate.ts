/**
 * Decompression of outgoing messages.
 *
 * @module
 */

import { decompress } from "../codec/compression.ts";

const UNBOUNDED_BYTES = 0x7fffffff;

/**
 * Inflates a gzip message for a server that does not accept gzip: messages are compressed before the connection of the
 * call is chosen.
 */
export function inflated(message: Uint8Array): Uint8Array {
  return decompress(message, "gzip", UNBOUNDED_BYTES);
}
