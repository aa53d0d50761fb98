/**
 * Messages compressed with Brotli (RFC 7932).
 *
 * @module
 */

import { builtinModule } from "../bytes/builtin_module.ts";
import { corruptMessage, inflateWith, plainView } from "./inflate.ts";

// Brotli's default of 11 takes 86 ms for 1 MiB, 4 about as long as gzip.
const QUALITY = 4;

/** Compresses at quality 4. */
export function brotli(message: Uint8Array): Uint8Array {
  const { brotliCompressSync, constants } = builtinModule("node:zlib");
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: message.length,
  };
  return plainView(brotliCompressSync(message, { params }));
}

/** Inflates a message. Throws RpcError: RESOURCE_EXHAUSTED beyond `maxBytes`, INTERNAL for corrupt data. */
export function unbrotli(message: Uint8Array, maxBytes: number): Uint8Array {
  // Deno's decoder reports neither data that ends early nor data that follows. With one octet appended it reads exactly
  // as many as the message has only if that is complete.
  const padded = new Uint8Array(message.length + 1);
  padded.set(message);
  const { brotliDecompressSync } = builtinModule("node:zlib");
  const { bytes, readBytes } = inflateWith(brotliDecompressSync, padded, "br", maxBytes);
  if (readBytes !== message.length) throw corruptMessage("br");
  return bytes;
}
