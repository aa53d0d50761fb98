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
  try {
    return asPlain(gunzipSync(message, { maxOutputLength: Math.max(1, maxBytes) }));
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") {
      throw new RpcError(
        Status.RESOURCE_EXHAUSTED,
        `Message of ${message.length} compressed bytes inflates past the limit of ${maxBytes} bytes`,
        { cause },
      );
    }
    throw new RpcError(Status.INTERNAL, "Cannot decompress a message: damaged gzip data", {
      cause,
    });
  }
}

// Node's Buffer is a Uint8Array with other methods: handlers must not see the difference.
function asPlain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
