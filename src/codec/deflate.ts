/**
 * Messages compressed with `deflate`, which is zlib's format (RFC 1950) in HTTP (RFC 9110 §8.4.1.2) and gRPC.
 *
 * @module
 */

import { deflateSync, inflateSync } from "node:zlib";
import { corruptMessage, inflateWith, plainView } from "./inflate.ts";

/** Compresses at zlib's default level. */
export function deflate(message: Uint8Array): Uint8Array {
  return plainView(deflateSync(message));
}

/** Inflates a message. Throws RpcError: RESOURCE_EXHAUSTED beyond `maxBytes`, INTERNAL for corrupt data. */
export function inflate(message: Uint8Array, maxBytes: number): Uint8Array {
  const { bytes, readBytes } = inflateWith(inflateSync, message, "deflate", maxBytes);
  if (readBytes !== message.length) throw corruptMessage("deflate");
  return bytes;
}
