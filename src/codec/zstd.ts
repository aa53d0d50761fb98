/**
 * Messages compressed with Zstandard (RFC 8878): frames whose headers and blocks are checked before they are inflated.
 *
 * @module
 */

import type { ZstdOptions } from "node:zlib";
import { builtinModule } from "../bytes/builtin_module.ts";
import {
  corruptMessage,
  inflateWith,
  joined,
  mostBlocks,
  plainView,
  tooLargeMessage,
  tooManyBlocks,
} from "./inflate.ts";

// RFC 8878 §3.1.1.1.2: decoders should support 8 MiB, and may reject more.
const MAX_WINDOW_BYTES = 8_388_608;
const MAX_BLOCK_BYTES = 131_072;
const MAGIC = 0xfd2fb528;
const CHECKSUM_BYTES = 4;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const BlockType = { RAW: 0, RLE: 1, COMPRESSED: 2 } as const;

/** Compresses at zstd's default level, to one frame with the length in its header. */
export function zstd(message: Uint8Array): Uint8Array {
  // Not in all versions of the types.
  const options: ZstdOptions & { pledgedSrcSize: number } = { pledgedSrcSize: message.length };
  const frames = plainView(builtinModule("node:zlib").zstdCompressSync(message, options));
  // Deno 2.9.6 appends an empty frame to some results.
  const first = readFrame(frames, 0, 0);
  return typeof first === "string" ? frames : frames.subarray(0, first.end);
}

/**
 * Inflates a message. Throws RpcError: RESOURCE_EXHAUSTED if it declares or contains more than `maxBytes`, or needs a
 * window of more than 8 MiB; INTERNAL for corrupt data.
 */
export function unzstd(message: Uint8Array, maxBytes: number): Uint8Array {
  const frames = readFrames(message);
  if (frames === "corrupt") throw corruptMessage("zstd");
  if (frames === "too many") throw tooManyBlocks(message);
  if (
    declaredBytes(frames) > maxBytes ||
    frames.some(({ windowBytes }) => windowBytes > MAX_WINDOW_BYTES)
  ) throw tooLargeMessage(message, maxBytes);
  const parts: Uint8Array[] = [];
  const { zstdDecompressSync } = builtinModule("node:zlib");
  let left = maxBytes;
  for (const { start, end, contentBytes, mostBytes } of frames) {
    if (mostBytes === 0) continue;
    const frame = message.subarray(start, end);
    const { bytes } = inflateWith(zstdDecompressSync, frame, "zstd", left, contentBytes);
    if (contentBytes !== undefined && bytes.length !== contentBytes) throw corruptMessage("zstd");
    left -= bytes.length;
    parts.push(bytes);
  }
  return parts.length === 1 ? parts[0] : joined(parts, maxBytes - left);
}

/** Returns the length that a message declares, in bytes; 0 if it declares none or is corrupt. */
export function zstdBytesStated(message: Uint8Array): number {
  const frames = readFrames(message);
  return typeof frames === "string" ? 0 : declaredBytes(frames);
}

function declaredBytes(frames: readonly Frame[]): number {
  return frames.reduce((sum, { contentBytes = 0 }) => sum + contentBytes, 0);
}

/** Facts about a frame. */
interface Frame {
  readonly start: number;
  readonly end: number;
  /** Length of the content; undefined if it is not declared. */
  readonly contentBytes: number | undefined;
  /** What the blocks can contain at most. */
  readonly mostBytes: number;
  readonly windowBytes: number;
  readonly blocks: number;
}

/** Why frames are not inflated. */
type Refused = "corrupt" | "too many";

/** Reads the frames that fill `message` (RFC 8878 §3.1). Skippable frames are not accepted. */
function readFrames(message: Uint8Array): Frame[] | Refused {
  const frames: Frame[] = [];
  let blocks = 0;
  for (let at = 0; at < message.length;) {
    const frame = readFrame(message, at, blocks);
    if (typeof frame === "string") return frame;
    frames.push(frame);
    blocks += frame.blocks;
    at = frame.end;
  }
  return frames;
}

/** Reads the header of a frame and walks its blocks (RFC 8878 §3.1.1), before which there are `blocksBefore`. */
function readFrame(message: Uint8Array, start: number, blocksBefore: number): Frame | Refused {
  if (message.length - start < 9 || littleEndian(message, start, 4) !== MAGIC) return "corrupt";
  const descriptor = message[start + 4];
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) return "corrupt";
  let at = start + 5;
  let windowBytes = 0;
  if (!singleSegment) {
    const base = 2 ** (10 + (message[at] >> 3));
    windowBytes = base + base / 8 * (message[at++] & 7);
  }
  at += DICTIONARY_ID_BYTES[descriptor & 3];
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  let contentBytes: number | undefined;
  if (sizeBytes > 0) {
    contentBytes = littleEndian(message, at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  }
  if (singleSegment) windowBytes = contentBytes!;
  const most = mostBlocks(Math.max(message.length, contentBytes ?? 0)) - blocksBefore;
  const blocks = walkBlocks(message, at + sizeBytes, most);
  if (typeof blocks === "string") return blocks;
  if (contentBytes !== undefined && contentBytes > blocks.mostBytes) return "corrupt";
  const end = blocks.end + ((descriptor & 4) !== 0 ? CHECKSUM_BYTES : 0);
  if (end > message.length) return "corrupt";
  const { mostBytes, count } = blocks;
  return { start, end, contentBytes, mostBytes, windowBytes, blocks: count };
}

/** Walks the blocks of a frame, `most` or fewer, up to its last one. */
function walkBlocks(
  message: Uint8Array,
  start: number,
  most: number,
): { end: number; mostBytes: number; count: number } | Refused {
  let mostBytes = 0;
  let count = 0;
  for (let at = start; at + 3 <= message.length;) {
    if (++count > most) return "too many";
    const header = littleEndian(message, at, 3);
    const type = header >> 1 & 3;
    const size = header >> 3;
    if (type > BlockType.COMPRESSED || size > MAX_BLOCK_BYTES) return "corrupt";
    at += 3 + (type === BlockType.RLE ? 1 : size);
    mostBytes += type === BlockType.COMPRESSED ? MAX_BLOCK_BYTES : size;
    if ((header & 1) !== 0) return at <= message.length ? { end: at, mostBytes, count } : "corrupt";
  }
  return "corrupt";
}

/** Little-endian number of 1 to 8 bytes; NaN beyond the end. */
function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}
