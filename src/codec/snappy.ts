/**
 * Messages compressed with Snappy, in its framing format (framing_format.txt of google/snappy), as Go's gRPC and Connect
 * implementations use it.
 *
 * @module
 */

import { corruptMessage, joined, mostBlocks, tooLargeMessage, tooManyBlocks } from "./inflate.ts";
import { compressBlock, inflateBlock, MAX_BLOCK_BYTES } from "./snappy_block.ts";

const IDENTIFIER = Uint8Array.of(0xff, 6, 0, 0, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59);
const ChunkType = {
  COMPRESSED: 0,
  UNCOMPRESSED: 1,
  FIRST_SKIPPABLE: 0x80,
  IDENTIFIER: 0xff,
} as const;
const HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;

/** Compresses blocks of 64 KiB. */
export function snappy(message: Uint8Array): Uint8Array {
  const chunks = [IDENTIFIER];
  for (let at = 0; at < message.length; at += MAX_BLOCK_BYTES) {
    const block = message.subarray(at, at + MAX_BLOCK_BYTES);
    const compressed = compressBlock(block);
    const smaller = compressed.length < block.length;
    const data = smaller ? compressed : block;
    const chunk = new Uint8Array(HEADER_BYTES + CHECKSUM_BYTES + data.length);
    const view = new DataView(chunk.buffer);
    view.setUint32(0, chunk.length - HEADER_BYTES << 8, true);
    chunk[0] = smaller ? ChunkType.COMPRESSED : ChunkType.UNCOMPRESSED;
    view.setUint32(HEADER_BYTES, maskedChecksum(block), true);
    chunk.set(data, HEADER_BYTES + CHECKSUM_BYTES);
    chunks.push(chunk);
  }
  return joined(chunks, chunks.reduce((sum, chunk) => sum + chunk.length, 0));
}

/**
 * Inflates a message. Throws RpcError: RESOURCE_EXHAUSTED, before anything is inflated, if its blocks declare more than
 * `maxBytes`, INTERNAL for corrupt data.
 */
export function unsnappy(message: Uint8Array, maxBytes: number): Uint8Array {
  const blocks = readBlocks(message);
  if (blocks === "corrupt") throw corruptMessage("snappy");
  if (blocks === "too many") throw tooManyBlocks(message);
  const total = blocks.reduce((sum, block) => sum + block.bytes, 0);
  if (total > maxBytes) throw tooLargeMessage(message, maxBytes);
  const parts = blocks.map((block) => {
    const bytes = block.compressed ? inflateBlock(block.data, block.bytes) : block.data;
    if (bytes === undefined || maskedChecksum(bytes) !== block.checksum) {
      throw corruptMessage("snappy");
    }
    return bytes;
  });
  return joined(parts, total);
}

/** Returns the length that the blocks of a message declare, in bytes; 0 if they are corrupt. */
export function snappyBytesStated(message: Uint8Array): number {
  const blocks = readBlocks(message);
  return typeof blocks === "string" ? 0 : blocks.reduce((sum, block) => sum + block.bytes, 0);
}

/** A chunk with data. */
interface Block {
  readonly compressed: boolean;
  readonly checksum: number;
  readonly data: Uint8Array;
  /** Length of the uncompressed data. */
  readonly bytes: number;
}

/** Reads the chunks of a message, without inflating them. */
function readBlocks(message: Uint8Array): Block[] | "corrupt" | "too many" {
  const blocks: Block[] = [];
  const most = mostBlocks(message.length);
  if (message.length < IDENTIFIER.length || message[0] !== ChunkType.IDENTIFIER) return "corrupt";
  for (let at = 0, count = 1; at < message.length; count++) {
    if (count > most) return "too many";
    if (message.length - at < HEADER_BYTES) return "corrupt";
    const type = message[at];
    const length = message[at + 1] | message[at + 2] << 8 | message[at + 3] << 16;
    const chunk = message.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    at += HEADER_BYTES + length;
    if (at > message.length) return "corrupt";
    if (type === ChunkType.IDENTIFIER) {
      if (!IDENTIFIER.subarray(HEADER_BYTES).every((octet, i) => chunk[i] === octet)) {
        return "corrupt";
      }
    } else if (type <= ChunkType.UNCOMPRESSED) {
      const block = readBlock(chunk, type === ChunkType.COMPRESSED);
      if (block === undefined) return "corrupt";
      blocks.push(block);
    } else if (type < ChunkType.FIRST_SKIPPABLE) return "corrupt";
  }
  return blocks;
}

function readBlock(chunk: Uint8Array, compressed: boolean): Block | undefined {
  if (chunk.length <= CHECKSUM_BYTES) return undefined;
  const data = chunk.subarray(CHECKSUM_BYTES);
  const bytes = compressed ? declaredBytes(data) : data.length;
  if (bytes > MAX_BLOCK_BYTES) return undefined;
  const checksum = (chunk[0] | chunk[1] << 8 | chunk[2] << 16 | chunk[3] << 24) >>> 0;
  return { compressed, checksum, data, bytes };
}

/** The length in front of a block, a varint; Infinity for one of more than 3 bytes, which is too long for a block. */
function declaredBytes(data: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < 3; i++) {
    value |= (data[i] & 0x7f) << 7 * i;
    if (data[i] < 0x80) return value;
  }
  return Infinity;
}

const CRC_32C = new Uint32Array(256).map((_, octet) => {
  let crc = octet;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (RFC 3720 §12.1), rotated and offset as framing_format.txt §3 requires. */
function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crc >>> 8 ^ CRC_32C[(crc ^ bytes[i]) & 0xff];
  crc = ~crc >>> 0;
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}
