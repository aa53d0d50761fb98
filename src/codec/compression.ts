/**
 * Compression of messages. Everything is bounded: inflating stops at the message limit.
 *
 * @module
 */

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

const EMPTY = new Uint8Array(0);

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
 * larger than `maxBytes` (it is never made), INTERNAL when `message` is damaged, UNIMPLEMENTED when
 * `encoding` is not known.
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
  if (message.length === 0) return EMPTY;
  if (saysTooMuch(message, maxBytes)) throw tooLarge(message, maxBytes);
  try {
    return asPlain(gunzipSync(message, { maxOutputLength: Math.max(1, maxBytes) }));
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLarge(message, maxBytes, cause);
    }
    throw new RpcError(Status.INTERNAL, "Cannot decompress a message: damaged gzip data", {
      cause,
    });
  }
}

// Gzip's last four bytes say how long the text is (RFC 1952 section 2.3.1): a message that says itself that it
// is too large need not be inflated up to the limit. What deflate can't reach (1,032 times the input) is no
// such length, but damage, and gets the error for that.
function saysTooMuch(message: Uint8Array, maxBytes: number): boolean {
  if (message.length < MIN_GZIP_BYTES) return false;
  const [a, b, c, d] = message.subarray(-4);
  const said = (a | b << 8 | c << 16 | d << 24) >>> 0;
  return said > maxBytes && said <= message.length * MAX_DEFLATE_RATIO;
}

function tooLarge(message: Uint8Array, maxBytes: number, cause?: unknown): RpcError {
  return new RpcError(
    Status.RESOURCE_EXHAUSTED,
    `Message of ${message.length} compressed bytes inflates past the limit of ${maxBytes} bytes`,
    { cause },
  );
}

// Node's Buffer is a Uint8Array with other methods: handlers must not see the difference.
function asPlain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
