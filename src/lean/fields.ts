/**
 * Field blocks: metadata, deadline and authority, in front of a frame's value when it is flagged FIELDS.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { Metadata } from "../call/metadata.ts";
import { readU32 } from "./frames.ts";

/** Kinds of entries in a field block. */
export const Field = {
  /** u32: ms that the caller allows. */
  TIMEOUT: 1,
  /** A pair of metadata: of the request, or response headers. */
  HEADER: 2,
  /** A pair of trailing metadata. */
  TRAILER: 3,
  /** The authority that the client calls, in place of the connection's. */
  AUTHORITY: 4,
} as const;

const PAIR_OVERHEAD = 32;
const BIN_SUFFIX = 0x2d62696e; // "-bin"
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NO_METADATA = () => new Metadata();

/** What a received block holds. Metadata is made only when asked for. */
export interface FieldBlock {
  /** Bytes of the block, its own length included. */
  readonly bytes: number;
  /** From TIMEOUT; Infinity without one. */
  readonly timeoutMs: number;
  /** From AUTHORITY; empty without one. */
  readonly authority: string;
  /** HEADER entries. */
  readonly headers: () => Metadata;
  /** TRAILER entries. */
  readonly trailers: () => Metadata;
}

/** The block of a frame that has none. */
export const NO_FIELDS: FieldBlock = {
  bytes: 0,
  timeoutMs: Infinity,
  authority: "",
  headers: NO_METADATA,
  trailers: NO_METADATA,
};

/** Why a block could not be taken: `malformed` breaks the protocol, `too_large` only fails the call. */
export interface FieldFailure {
  readonly failure: "malformed" | "too_large";
  readonly message: string;
  /** Bytes of the block, when it could be measured. */
  readonly bytes: number;
}

/** Reads the block at the start of a value. Limits are checked entry by entry, before any is decoded. */
export function readFields(
  b: Uint8Array,
  at: number,
  valueBytes: number,
  maxBytes: number,
  maxHeaderFields: number,
): FieldBlock | FieldFailure {
  if (valueBytes < 2) return malformed("Cannot read a field block: its length is cut off");
  const length = (b[at] << 8) | b[at + 1];
  const bytes = length + 2;
  if (bytes > valueBytes) {
    return malformed(`Cannot read a field block of ${bytes} bytes: the value has ${valueBytes}`);
  }
  const end = at + bytes;
  let timeoutMs = Infinity;
  let authority = "";
  let counted = 0;
  let fields = 0;
  let headers = 0;
  let trailers = 0;
  let p = at + 2;
  while (p < end) {
    const kind = b[p];
    const size = entryBytes(b, p, end);
    if (size < 0) return malformed(`Cannot read entry ${fields} of a field block: it is cut off`);
    fields++;
    counted += size + PAIR_OVERHEAD;
    if (kind === Field.TIMEOUT) {
      if (size !== 7) return malformed(`Cannot read a timeout of ${size - 3} bytes: it has 4`);
      timeoutMs = readU32(b, p + 3);
    } else if (kind === Field.AUTHORITY) {
      authority = decoder.decode(b.subarray(p + 3, p + size));
    } else if (kind === Field.HEADER) {
      if (!pairIsValid(b, p)) return malformed(`Cannot use entry ${fields - 1}: bad metadata`);
      headers++;
    } else if (kind === Field.TRAILER) {
      if (!pairIsValid(b, p)) return malformed(`Cannot use entry ${fields - 1}: bad metadata`);
      trailers++;
    }
    p += size;
  }
  if (fields > maxHeaderFields) {
    return {
      failure: "too_large",
      message: `Got ${fields} fields, limit is ${maxHeaderFields}`,
      bytes,
    };
  }
  if (counted > maxBytes) {
    return {
      failure: "too_large",
      message: `Got ${counted} bytes of metadata, limit is ${maxBytes}`,
      bytes,
    };
  }
  if (headers === 0 && trailers === 0) {
    return { bytes, timeoutMs, authority, headers: NO_METADATA, trailers: NO_METADATA };
  }
  // A copy: the input is only valid now, and most blocks are never looked at again.
  const copy = b.slice(at + 2, end);
  return {
    bytes,
    timeoutMs,
    authority,
    headers: headers === 0 ? NO_METADATA : () => decodePairs(copy, Field.HEADER),
    trailers: trailers === 0 ? NO_METADATA : () => decodePairs(copy, Field.TRAILER),
  };
}

function malformed(message: string): FieldFailure {
  return { failure: "malformed", message, bytes: 0 };
}

// kind u8, length u16, then `length` bytes; a pair's begin with its key's length (u8) and its key.
function entryBytes(b: Uint8Array, at: number, end: number): number {
  if (end - at < 3) return -1;
  const size = 3 + ((b[at + 1] << 8) | b[at + 2]);
  return size > end - at ? -1 : size;
}

// Keys are a-z 0-9 - . _; values are printable ASCII, or any bytes when the key ends in -bin.
function pairIsValid(b: Uint8Array, at: number): boolean {
  const length = (b[at + 1] << 8) | b[at + 2];
  if (length < 1) return false;
  const keyBytes = b[at + 3];
  if (keyBytes < 1 || keyBytes + 1 > length) return false;
  for (let i = at + 4, end = i + keyBytes; i < end; i++) {
    const c = b[i];
    const good = (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x2d ||
      c === 0x2e || c === 0x5f;
    if (!good) return false;
  }
  const keyEnd = at + 4 + keyBytes;
  if (keyBytes > 4 && readU32(b, keyEnd - 4) === BIN_SUFFIX) return true;
  for (let i = keyEnd, end = at + 3 + length; i < end; i++) {
    if (b[i] < 0x20 || b[i] > 0x7e) return false;
  }
  return true;
}

function decodePairs(block: Uint8Array, kind: number): Metadata {
  const metadata = new Metadata();
  for (let p = 0; p < block.length;) {
    const size = entryBytes(block, p, block.length);
    if (block[p] === kind) {
      const keyEnd = p + 4 + block[p + 3];
      const key = decoder.decode(block.subarray(p + 4, keyEnd));
      const value = block.subarray(keyEnd, p + size);
      metadata.appendReceived(key, key.endsWith("-bin") ? value.slice() : decoder.decode(value));
    }
    p += size;
  }
  return metadata;
}

/** What a block is written from. */
export interface FieldInput {
  readonly timeoutMs?: number;
  readonly authority?: string;
  readonly headers?: Metadata;
  readonly trailers?: Metadata;
}

/** An encoded block, ready to be put in front of a value; undefined when there is nothing to say. */
export function encodeFields(input: FieldInput): Uint8Array | undefined {
  const { timeoutMs, authority, headers, trailers } = input;
  const pairs = (headers?.size ?? 0) + (trailers?.size ?? 0);
  const timed = timeoutMs !== undefined && timeoutMs < 0xffffffff;
  if (pairs === 0 && !timed && !authority) return undefined;
  const bytes: number[] = [0, 0];
  if (timed) {
    const ms = Math.max(0, Math.ceil(timeoutMs));
    bytes.push(Field.TIMEOUT, 0, 4, ms >>> 24, (ms >>> 16) & 255, (ms >>> 8) & 255, ms & 255);
  }
  if (authority) pushEntry(bytes, Field.AUTHORITY, undefined, encoder.encode(authority));
  if (headers) pushPairs(bytes, Field.HEADER, headers);
  if (trailers) pushPairs(bytes, Field.TRAILER, trailers);
  const length = bytes.length - 2;
  if (length > 0xffff) {
    throw new RangeError(`Cannot send ${length} bytes of metadata: limit is 65535`);
  }
  bytes[0] = length >>> 8;
  bytes[1] = length & 255;
  return Uint8Array.from(bytes);
}

function pushPairs(bytes: number[], kind: number, metadata: Metadata): void {
  for (const [key, value] of metadata) {
    pushEntry(
      bytes,
      kind,
      encoder.encode(key),
      typeof value === "string" ? encoder.encode(value) : value,
    );
  }
}

function pushEntry(bytes: number[], kind: number, key: Uint8Array | undefined, value: Uint8Array) {
  const length = value.length + (key === undefined ? 0 : key.length + 1);
  if (length > 0xffff || (key !== undefined && key.length > 255)) {
    throw new RangeError(`Cannot send a field of ${length} bytes: limit is 65535, of a key 255`);
  }
  bytes.push(kind, length >>> 8, length & 255);
  if (key !== undefined) {
    bytes.push(key.length);
    for (const byte of key) bytes.push(byte);
  }
  for (const byte of value) bytes.push(byte);
}

/** Appends an encoded block. */
export function writeFields(out: ByteWriter, block: Uint8Array | undefined): void {
  if (block !== undefined) out.bytes(block);
}
