/**
 * Messages compressed with gzip (RFC 1952). Inflating is bounded by the length that a message declares, which is checked
 * against the limit first.
 *
 * @module
 */

import { builtinModule } from "../bytes/builtin_module.ts";
import { DeflateDecoder } from "./deflate_decoder.ts";
import {
  corruptMessage,
  MAX_NATIVE_BYTES,
  MIN_CHUNK_BYTES,
  plainView,
  tooLargeMessage,
  tooManyBlocks,
} from "./inflate.ts";

// Header (10 bytes) and trailer (8 bytes), RFC 1952 §2.3.
const MIN_GZIP_BYTES = 18;
const MAX_DEFLATE_RATIO = 1_032;
// RFC 1952 §2.3.1: ID1, ID2 and CM; reserved bits of FLG.
const GZIP_MAGIC = [0x1f, 0x8b, 8] as const;
const RESERVED_FLAGS = 0xe0;
const Flag = { HEADER_CRC: 2, EXTRA: 4, NAME: 8, COMMENT: 16 } as const;
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;

/** Returns the CRC-32 of octets. */
type Checksum = (octets: Uint8Array) => number;

/** Compresses with gzip at level 1 to 9; default 6, as in zlib. */
export function gzip(message: Uint8Array, level = 6): Uint8Array {
  return plainView(builtinModule("node:zlib").gzipSync(message, { level }));
}

/**
 * Inflates a message. Throws an RpcError: RESOURCE_EXHAUSTED if the result would be larger than `maxBytes` (it is not
 * inflated then), INTERNAL if `message` is corrupt or longer than it declares.
 */
export function gunzip(message: Uint8Array, maxBytes: number): Uint8Array {
  if (message.length < MIN_GZIP_BYTES) throw corruptMessage("gzip");
  const declared = gzipBytesStated(message);
  // A declared length above deflate's maximum ratio means corrupt data; one above the limit is rejected without
  // inflating.
  if (declared > message.length * MAX_DEFLATE_RATIO) throw corruptMessage("gzip");
  if (declared > maxBytes) throw tooLargeMessage(message, maxBytes);
  return inflate(message, declared) ?? inflateMembers(message, maxBytes);
}

/**
 * Inflates into one buffer of the declared length, so that a bomb that declares less than it contains creates no
 * garbage. Returns undefined if `message` contains more than declared.
 */
function inflate(message: Uint8Array, declared: number): Uint8Array | undefined {
  const zlib = builtinModule("node:zlib");
  if (message.length > MAX_NATIVE_BYTES) return inflateLong(message, declared, zlib.crc32);
  try {
    const inflated = zlib.gunzipSync(message, {
      maxOutputLength: Math.max(1, declared),
      // One byte more than declared, because zlib allocates another chunk when the output fits exactly.
      chunkSize: Math.max(MIN_CHUNK_BYTES, declared + 1),
    });
    return plainView(inflated);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw corruptMessage("gzip", cause);
  }
}

/** Does the same for a long message, with a bound on its blocks. */
function inflateLong(
  message: Uint8Array,
  declared: number,
  checksum: Checksum,
): Uint8Array | undefined {
  const output = new Uint8Array(declared);
  const decoder = new DeflateDecoder(message, 0, output);
  while (decoder.inputAt < message.length) {
    const headerEnd = endOfHeader(message, decoder.inputAt);
    if (headerEnd < 0) throw corruptMessage("gzip");
    decoder.inputAt = headerEnd;
    const start = decoder.outputAt;
    const end = decoder.decode();
    if (end === "full") return undefined;
    if (end === "blocks") throw tooManyBlocks(message);
    const { inputAt, outputAt } = decoder;
    if (
      end === "corrupt" || inputAt + TRAILER_BYTES > message.length ||
      uint32(message, inputAt) !== checksum(output.subarray(start, outputAt)) ||
      uint32(message, inputAt + 4) !== outputAt - start
    ) throw corruptMessage("gzip");
    decoder.inputAt = inputAt + TRAILER_BYTES;
  }
  return output.subarray(0, decoder.outputAt);
}

/** Position after the header of a member (RFC 1952 §2.3), or -1 if it is invalid. */
function endOfHeader(message: Uint8Array, start: number): number {
  if (message[start] !== GZIP_MAGIC[0] || !startsMember(message, start)) return -1;
  const flags = message[start + 3];
  let at = start + HEADER_BYTES;
  if ((flags & Flag.EXTRA) !== 0) at += 2 + (message[at] | message[at + 1] << 8);
  for (const flag of [Flag.NAME, Flag.COMMENT]) {
    if ((flags & flag) === 0) continue;
    at = message.indexOf(0, at) + 1;
    if (at === 0) return -1;
  }
  if ((flags & Flag.HEADER_CRC) !== 0) at += 2;
  return at;
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
  if (start === 0) throw corruptMessage("gzip");
  if (total > maxBytes) throw tooLargeMessage(message, maxBytes);
  const inflated = inflate(message, total);
  if (inflated === undefined) throw corruptMessage("gzip");
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
export function gzipBytesStated(message: Uint8Array): number {
  return message.length < MIN_GZIP_BYTES ? 0 : uint32(message, message.length - 4);
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24) >>> 0;
}
