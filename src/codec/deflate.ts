/**
 * Messages compressed with `deflate`, which is zlib's format (RFC 1950) in HTTP (RFC 9110 §8.4.1.2) and gRPC.
 *
 * @module
 */

import { builtinModule } from "../bytes/builtin_module.ts";
import { detachLarge } from "../bytes/detach.ts";
import { DeflateDecoder } from "./deflate_decoder.ts";
import {
  corruptMessage,
  inflateWith,
  MAX_NATIVE_BYTES,
  plainView,
  tooLargeMessage,
  tooManyBlocks,
} from "./inflate.ts";

// RFC 1950 §2.2: header of two octets, trailer of four.
const HEADER_BYTES = 2;
const TRAILER_BYTES = 4;
// Inflated bytes to each compressed one for which memory is taken first, and by which it grows.
const FIRST_RATIO = 4;
// RFC 1950 §8.2: the largest prime below 65,536, and the most octets whose sums stay below 2³².
const ADLER_BASE = 65_521;
const ADLER_OCTETS = 5_552;

/** Compresses at zlib's default level. */
export function deflate(message: Uint8Array): Uint8Array {
  return plainView(builtinModule("node:zlib").deflateSync(message));
}

/** Inflates a message. Throws RpcError: RESOURCE_EXHAUSTED beyond `maxBytes`, INTERNAL for corrupt data. */
export function inflate(message: Uint8Array, maxBytes: number): Uint8Array {
  if (message.length > MAX_NATIVE_BYTES) return inflateLong(message, maxBytes);
  const { inflateSync } = builtinModule("node:zlib");
  const { bytes, readBytes } = inflateWith(inflateSync, message, "deflate", maxBytes);
  if (readBytes !== message.length) throw corruptMessage("deflate");
  return bytes;
}

/** Does the same for a long message, with a bound on its blocks. Begins again with more memory when it was not enough. */
function inflateLong(message: Uint8Array, maxBytes: number): Uint8Array {
  if (!hasHeader(message)) throw corruptMessage("deflate");
  for (let size = message.length * FIRST_RATIO;; size *= FIRST_RATIO) {
    const output = new Uint8Array(Math.min(size, maxBytes));
    const decoder = new DeflateDecoder(message, HEADER_BYTES, output);
    const end = decoder.decode();
    const { inputAt, outputAt } = decoder;
    const bytes = output.subarray(0, outputAt);
    if (end === "end" && isTrailer(message, inputAt, bytes)) {
      if (outputAt === output.length) return output;
      const result = bytes.slice();
      detachLarge(output);
      return result;
    }
    detachLarge(output);
    if (end === "blocks") throw tooManyBlocks(message);
    if (end !== "full") throw corruptMessage("deflate");
    if (size >= maxBytes) throw tooLargeMessage(message, maxBytes);
  }
}

/** Whether the first two octets are a header without a dictionary. */
function hasHeader(message: Uint8Array): boolean {
  const [method, flags] = message;
  return (method & 15) === 8 && method >> 4 <= 7 && (method << 8 | flags) % 31 === 0 &&
    (flags & 32) === 0;
}

/** Whether `message` ends at `at` with the checksum of `bytes`. */
function isTrailer(message: Uint8Array, at: number, bytes: Uint8Array): boolean {
  return at + TRAILER_BYTES === message.length &&
    new DataView(message.buffer, message.byteOffset + at).getUint32(0) === adler32(bytes);
}

/** Checksum of the trailer (RFC 1950 §8.2). */
function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let start = 0; start < bytes.length; start += ADLER_OCTETS) {
    const end = Math.min(start + ADLER_OCTETS, bytes.length);
    for (let i = start; i < end; i++) b += a += bytes[i];
    a %= ADLER_BASE;
    b %= ADLER_BASE;
  }
  return (b << 16 | a) >>> 0;
}
