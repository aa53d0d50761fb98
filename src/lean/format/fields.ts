/**
 * Field blocks: metadata, deadline and authority, in front of a frame's value when it is flagged FIELDS.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";
import { Metadata } from "../../call/metadata.ts";
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
  let at = 2;
  if (timed) {
    const ms = Math.max(0, Math.ceil(timeoutMs));
    scratch.set(
      [Field.TIMEOUT, 0, 4, ms >>> 24, (ms >>> 16) & 255, (ms >>> 8) & 255, ms & 255],
      at,
    );
    at += 7;
  }
  if (authority) at = putEntry(at, Field.AUTHORITY, undefined, authority);
  if (headers) at = putPairs(at, Field.HEADER, headers);
  if (trailers) at = putPairs(at, Field.TRAILER, trailers);
  const length = at - 2;
  scratch[0] = length >>> 8;
  scratch[1] = length & 255;
  return scratch.slice(0, at);
}

// One block at a time is being written: its length, and at most MAX_BLOCK_BYTES behind it.
const MAX_BLOCK_BYTES = 0xffff;
const MAX_KEY_BYTES = 255;
const scratch = new Uint8Array(2 + MAX_BLOCK_BYTES);
// Below this a loop is faster than the runtime's encoder.
const LOOP_CHARACTERS = 32;

function putPairs(at: number, kind: number, metadata: Metadata): number {
  for (const [key, value] of metadata) at = putEntry(at, kind, key, value);
  return at;
}

/** Writes an entry at `at`; returns where it ends. */
function putEntry(
  at: number,
  kind: number,
  key: string | undefined,
  value: string | Uint8Array,
): number {
  if (at + 4 > scratch.length) throw tooLarge();
  const start = at;
  at += 3;
  if (key !== undefined) {
    at = putText(at + 1, key);
    const keyBytes = at - start - 4;
    if (keyBytes > MAX_KEY_BYTES) {
      throw new RangeError(
        `Cannot send a metadata key of ${keyBytes} bytes: limit is ${MAX_KEY_BYTES}`,
      );
    }
    scratch[start + 3] = keyBytes;
  }
  if (typeof value === "string") {
    at = putText(at, value);
  } else {
    if (at + value.length > scratch.length) throw tooLarge();
    scratch.set(value, at);
    at += value.length;
  }
  const length = at - start - 3;
  scratch[start] = kind;
  scratch[start + 1] = length >>> 8;
  scratch[start + 2] = length & 255;
  return at;
}

function putText(at: number, text: string): number {
  if (at + text.length > scratch.length) throw tooLarge();
  if (text.length <= LOOP_CHARACTERS) {
    let i = 0;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      scratch[at + i] = code;
    }
    if (i === text.length) return at + i;
  }
  const { read, written } = encoder.encodeInto(text, scratch.subarray(at));
  if (read < text.length) throw tooLarge();
  return at + written;
}

function tooLarge(): RangeError {
  return new RangeError(`Cannot send metadata of more than ${MAX_BLOCK_BYTES} bytes`);
}

/** Appends an encoded block. */
export function writeFields(out: ByteWriter, block: Uint8Array | undefined): void {
  if (block !== undefined) out.bytes(block);
}
