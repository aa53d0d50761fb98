/**
 * Compression of messages with gzip. Inflating is bounded by the length that a message declares, which is checked
 * against the limit first.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { gunzipSync, gzipSync } from "node:zlib";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";

/**
 * Smallest message that is compressed, in bytes. For shorter messages gzip's overhead of 20 bytes and 7 µs gains
 * nothing; gRPC flags each message, so they can be sent uncompressed.
 */
export const COMPRESS_FROM_BYTES = 256;

// Header (10 bytes) and trailer (8 bytes), RFC 1952 §2.3.
const MIN_GZIP_BYTES = 18;
const MAX_DEFLATE_RATIO = 1_032;
// RFC 1952 §2.3.1: ID1, ID2 and CM; reserved bits of FLG.
const GZIP_MAGIC = [0x1f, 0x8b, 8] as const;
const RESERVED_FLAGS = 0xe0;
// Smaller buffers are slices of Node's pool: a transfer of such a message to a worker would detach others.
const MIN_CHUNK_BYTES = 4_096;

/** Compresses with gzip; undefined if the message is shorter than `fromBytes` or does not get smaller. */
export function compressWhenSmaller(
  message: Uint8Array,
  fromBytes: number = COMPRESS_FROM_BYTES,
): Uint8Array | undefined {
  if (message.length < fromBytes) return undefined;
  const compressed = gzip(message);
  return compressed.length < message.length ? compressed : undefined;
}

/** Compresses with gzip at level 1 to 9; default 6, as in zlib. */
export function gzip(message: Uint8Array, level = 6): Uint8Array {
  return asPlain(gzipSync(message, { level }));
}

/**
 * Decompresses a message. Throws an RpcError: RESOURCE_EXHAUSTED if the result would be larger than `maxBytes` (it is
 * not inflated then), INTERNAL if `message` is corrupt or longer than it declares, UNIMPLEMENTED if `encoding` is
 * unknown.
 */
export function decompress(message: Uint8Array, encoding: string, maxBytes: number): Uint8Array {
  if (encoding === "identity" || encoding === "") {
    throw new RpcError(
      Status.INTERNAL,
      "Cannot read a message flagged as compressed: the call names no compression",
    );
  }
  if (encoding !== "gzip") {
    throw new RpcError(
      Status.UNIMPLEMENTED,
      `Cannot decompress "${encoding}": gzip and identity are supported`,
    );
  }
  // Some senders flag empty messages without compressing them.
  if (message.length === 0) return EMPTY_BYTES;
  if (message.length < MIN_GZIP_BYTES) throw corrupt();
  const declared = inflatedBytesStated(message);
  // A declared length above deflate's maximum ratio means corrupt data; one above the limit is rejected without
  // inflating.
  if (declared > message.length * MAX_DEFLATE_RATIO) throw corrupt();
  if (declared > maxBytes) throw tooLarge(message, maxBytes);
  return inflate(message, declared) ?? inflateMembers(message, maxBytes);
}

/**
 * Inflates into one buffer of the declared length, so that a bomb that declares less than it contains creates no
 * garbage. Returns undefined if `message` contains more than declared.
 */
function inflate(message: Uint8Array, declared: number): Uint8Array | undefined {
  try {
    const inflated = gunzipSync(message, {
      maxOutputLength: Math.max(1, declared),
      // One byte more than declared, because zlib allocates another chunk when the output fits exactly.
      chunkSize: Math.max(MIN_CHUNK_BYTES, declared + 1),
    });
    return asPlain(inflated);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw corrupt(cause);
  }
}

/**
 * Inflates several gzip members in a row (RFC 1952 §2.2), which no known RPC implementation sends. Each member ends
 * with its inflated length, so the sum of these bounds the result.
 */
function inflateMembers(message: Uint8Array, maxBytes: number): Uint8Array {
  let total = uint32(message, message.length - 4);
  let start = 0;
  for (let at = MIN_GZIP_BYTES; (at = message.indexOf(GZIP_MAGIC[0], at)) >= 0; at++) {
    if (!startsMember(message, at)) continue;
    const declared = uint32(message, at - 4);
    // Nearly all bytes that merely look like the start of a member fail this check. If some pass, the computed length is
    // too large, which does no harm: it is an upper bound.
    if (declared > (at - start) * MAX_DEFLATE_RATIO) continue;
    total += declared;
    start = at;
  }
  if (start === 0) throw corrupt();
  if (total > maxBytes) throw tooLarge(message, maxBytes);
  const inflated = inflate(message, total);
  if (inflated === undefined) throw corrupt();
  return inflated;
}

function startsMember(message: Uint8Array, at: number): boolean {
  return message.length - at >= MIN_GZIP_BYTES && message[at + 1] === GZIP_MAGIC[1] &&
    message[at + 2] === GZIP_MAGIC[2] && (message[at + 3] & RESERVED_FLAGS) === 0;
}

/**
 * Returns the inflated length that a gzip message declares (ISIZE, RFC 1952 §2.3.1), in bytes; 0 if the message is too
 * short for gzip.
 */
export function inflatedBytesStated(message: Uint8Array): number {
  return message.length < MIN_GZIP_BYTES ? 0 : uint32(message, message.length - 4);
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}

function corrupt(cause?: unknown): RpcError {
  return new RpcError(Status.INTERNAL, "Cannot decompress a message: corrupt gzip data", { cause });
}

function tooLarge(message: Uint8Array, maxBytes: number): RpcError {
  return new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Message of ${message.length} compressed bytes inflates past the limit of ${maxBytes} bytes`,
  );
}

// Node's Buffer overrides methods of Uint8Array, such as `slice`, and must not reach handlers.
function asPlain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
