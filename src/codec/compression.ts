/**
 * Compression of messages. Everything is bounded: inflating stops where the message says that it ends,
 * which is within the limit.
 *
 * @module
 */

import { EMPTY_BYTES } from "../bytes/empty.ts";
import { gunzipSync, gzipSync } from "node:zlib";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";

/**
 * Messages below this many bytes are sent as they are, although compression was agreed on (gRPC flags
 * each message): gzip's own 20 bytes and some 7 µs would buy nothing.
 */
export const COMPRESS_FROM_BYTES = 256;

// Header and trailer.
const MIN_GZIP_BYTES = 18;
const MAX_DEFLATE_RATIO = 1_032;
// ID1, ID2 and CM, and the bits of FLG that are zero (RFC 1952 section 2.3.1).
const GZIP_MAGIC = [0x1f, 0x8b, 8] as const;
const RESERVED_FLAGS = 0xe0;
// Smaller buffers come out of a pool of Node's: whoever transfers a message to a worker would take others along.
const MIN_CHUNK_BYTES = 4_096;

/** `message` with gzip, or undefined when it is better sent as it is: small, or not made smaller. */
export function compressWhenSmaller(
  message: Uint8Array,
  fromBytes: number = COMPRESS_FROM_BYTES,
): Uint8Array | undefined {
  if (message.length < fromBytes) return undefined;
  const compressed = gzip(message);
  return compressed.length < message.length ? compressed : undefined;
}

/** `message` with gzip at level 1 to 9, by default 6 as everyone has it. */
export function gzip(message: Uint8Array, level = 6): Uint8Array {
  return asPlain(gzipSync(message, { level }));
}

/**
 * Undoes the compression named `encoding`. Throws RpcError: RESOURCE_EXHAUSTED when the result would be
 * larger than `maxBytes` (it is never made), INTERNAL when `message` is damaged or holds more than it says,
 * UNIMPLEMENTED when `encoding` is not known.
 */
export function decompress(message: Uint8Array, encoding: string, maxBytes: number): Uint8Array {
  if (encoding === "identity" || encoding === "") {
    throw new RpcError(
      Status.INTERNAL,
      "Cannot read a message flagged as compressed: no compression was named for the call",
    );
  }
  if (encoding !== "gzip") {
    throw new RpcError(
      Status.UNIMPLEMENTED,
      `Cannot decompress "${encoding}": gzip and identity are supported`,
    );
  }
  // Some senders flag an empty message and don't compress it.
  if (message.length === 0) return EMPTY_BYTES;
  const said = saidBytes(message);
  if (said > message.length * MAX_DEFLATE_RATIO) throw damaged();
  if (said > maxBytes) throw tooLarge(message, maxBytes);
  return inflate(message, said) ?? inflateMembers(message, maxBytes);
}

// Gzip's last four bytes say how long the text is (RFC 1952 section 2.3.1). A message that says itself that it
// is too large need not be inflated, and no other one further than it says. What deflate can't reach
// (1,032 times the input) is no such length, but damage.
function saidBytes(message: Uint8Array): number {
  if (message.length < MIN_GZIP_BYTES) throw damaged();
  return uint32(message, message.length - 4);
}

/**
 * Inflates into one buffer of the length that was said: nothing is joined, and a bomb that says less than
 * it holds makes no garbage. Undefined when `message` holds more.
 */
function inflate(message: Uint8Array, said: number): Uint8Array | undefined {
  try {
    const inflated = gunzipSync(message, {
      maxOutputLength: Math.max(1, said),
      // One byte of room too many: zlib gets another chunk for an end that just fits.
      chunkSize: Math.max(MIN_CHUNK_BYTES, said + 1),
    });
    return asPlain(inflated);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw damaged(cause);
  }
}

/**
 * Several members one after the other (RFC 1952 section 2.2), which no known sender of RPCs makes. Each
 * ends with its length where the next begins, so these also bound what is inflated, to what the whole of
 * them says.
 */
function inflateMembers(message: Uint8Array, maxBytes: number): Uint8Array {
  let total = uint32(message, message.length - 4);
  let begin = 0;
  for (let at = MIN_GZIP_BYTES; (at = message.indexOf(GZIP_MAGIC[0], at)) >= 0; at++) {
    if (!beginsMember(message, at)) continue;
    const said = uint32(message, at - 4);
    // Of bytes that look like a member and are none, most go here; the others only widen the bound.
    if (said > (at - begin) * MAX_DEFLATE_RATIO) continue;
    total += said;
    begin = at;
  }
  if (begin === 0) throw damaged();
  if (total > maxBytes) throw tooLarge(message, maxBytes);
  const inflated = inflate(message, total);
  if (inflated === undefined) throw damaged();
  return inflated;
}

function beginsMember(message: Uint8Array, at: number): boolean {
  return message.length - at >= MIN_GZIP_BYTES && message[at + 1] === GZIP_MAGIC[1] &&
    message[at + 2] === GZIP_MAGIC[2] && (message[at + 3] & RESERVED_FLAGS) === 0;
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}

function damaged(cause?: unknown): RpcError {
  return new RpcError(Status.INTERNAL, "Cannot decompress a message: damaged gzip data", { cause });
}

function tooLarge(message: Uint8Array, maxBytes: number): RpcError {
  return new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Message of ${message.length} compressed bytes inflates past the limit of ${maxBytes} bytes`,
  );
}

// Node's Buffer is a Uint8Array with other methods: handlers must not see the difference.
function asPlain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
