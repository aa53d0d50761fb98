/**
 * Compression of messages by the names of {@link KNOWN_ENCODINGS}.
 *
 * @module
 */

import { noBytes } from "../bytes/empty.ts";
import { type Encoding, isEncoding, KNOWN_ENCODINGS } from "../call/encodings.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import { brotli, unbrotli } from "./brotli.ts";
import { deflate, inflate } from "./deflate.ts";
import { gunzip, gzip, gzipBytesStated } from "./gzip.ts";
import { snappy, snappyBytesStated, unsnappy } from "./snappy.ts";
import { unzstd, zstd, zstdBytesStated } from "./zstd.ts";

/**
 * Smallest message that is compressed, in bytes. For shorter messages gzip's overhead of 20 bytes and 7 µs gains
 * nothing; gRPC flags each message, so they can be sent uncompressed.
 */
export const COMPRESS_FROM_BYTES = 256;

// Inflated bytes to each compressed one that are assumed where a message does not declare its length.
const USUAL_RATIO = 4;

interface Compression {
  compress(message: Uint8Array): Uint8Array;
  decompress(message: Uint8Array, maxBytes: number): Uint8Array;
  /** Length that a message declares, 0 if it declares none. */
  bytesStated(message: Uint8Array): number;
}

const usualBytes = (message: Uint8Array) => message.length * USUAL_RATIO;

const COMPRESSIONS: Readonly<Record<Encoding, Compression>> = {
  gzip: { compress: gzip, decompress: gunzip, bytesStated: gzipBytesStated },
  zstd: { compress: zstd, decompress: unzstd, bytesStated: zstdBytesStated },
  br: { compress: brotli, decompress: unbrotli, bytesStated: usualBytes },
  deflate: { compress: deflate, decompress: inflate, bytesStated: usualBytes },
  snappy: { compress: snappy, decompress: unsnappy, bytesStated: snappyBytesStated },
};

/** Compresses a message, also if it gets longer. */
export function compress(message: Uint8Array, encoding: Encoding): Uint8Array {
  return COMPRESSIONS[encoding].compress(message);
}

/** Compresses a message; undefined if it is shorter than `fromBytes` or does not get smaller. */
export function compressWhenSmaller(
  message: Uint8Array,
  encoding: Encoding,
  fromBytes: number = COMPRESS_FROM_BYTES,
): Uint8Array | undefined {
  if (message.length < fromBytes) return undefined;
  const compressed = compress(message, encoding);
  return compressed.length < message.length ? compressed : undefined;
}

/**
 * Decompresses a message. Throws an RpcError: RESOURCE_EXHAUSTED if the result would be larger than `maxBytes`, INTERNAL
 * if `message` is corrupt or longer than it declares, UNIMPLEMENTED if `encoding` is unknown. A message that declares
 * more than `maxBytes` is not inflated; one that declares nothing is inflated up to there.
 */
export function decompress(message: Uint8Array, encoding: string, maxBytes: number): Uint8Array {
  if (encoding === "identity" || encoding === "") {
    throw new RpcError(
      Status.INTERNAL,
      "Cannot read a message flagged as compressed: the call names no compression",
    );
  }
  if (!isEncoding(encoding)) {
    throw new RpcError(
      Status.UNIMPLEMENTED,
      `Cannot decompress "${encoding}": supported are ${KNOWN_ENCODINGS.join(", ")}`,
    );
  }
  // Some senders flag empty messages without compressing them.
  if (message.length === 0) return noBytes();
  return COMPRESSIONS[encoding].decompress(message, maxBytes);
}

/** Returns the inflated length that a message declares, in bytes, or what is usual if its compression has none. */
export function inflatedBytesStated(message: Uint8Array, encoding: string): number {
  return isEncoding(encoding) ? COMPRESSIONS[encoding].bytesStated(message) : 0;
}
