/**
 * Field blocks: metadata, deadline and authority, at the start of the value of frames flagged FIELDS.
 *
 * @module
 */

import { CONNECTION_FIELDS } from "../../call/field_text.ts";
import { Metadata, pairsOf } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { readU32 } from "./frames.ts";

/** Kinds of entries in a field block. */
export const Field = {
  /** u32: time until the call's deadline, in ms. */
  TIMEOUT: 1,
  /** A pair of request metadata or response headers. */
  HEADER: 2,
  /** A pair of trailing metadata. */
  TRAILER: 3,
  /** Authority of the call, in place of the connection's. */
  AUTHORITY: 4,
} as const;

/** Bytes counted on top of each entry, as for HPACK (RFC 7541 §4.1). */
const ENTRY_OVERHEAD_BYTES = 32;
const BIN_SUFFIX = 0x2d62696e; // "-bin"
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NO_METADATA = () => new Metadata();
const FORBIDDEN_KEYS = CONNECTION_FIELDS.map((key) => encoder.encode(key));

/** A received block. Metadata is decoded on access. */
export interface FieldBlock {
  /** Length of the block with its length field, in bytes. */
  readonly bytes: number;
  /** Value of TIMEOUT, in ms; Infinity if the block has none. */
  readonly timeoutMs: number;
  /** Value of AUTHORITY; empty if the block has none. */
  readonly authority: string;
  /** Decodes the HEADER entries. */
  readonly headers: () => Metadata;
  /** Decodes the TRAILER entries. */
  readonly trailers: () => Metadata;
}

/** Field block of a frame that has none. */
export const NO_FIELDS: FieldBlock = {
  bytes: 0,
  timeoutMs: Infinity,
  authority: "",
  headers: NO_METADATA,
  trailers: NO_METADATA,
};

/**
 * Reason why a field block fails its call. The frame itself is valid, so the connection and its other calls continue.
 */
export interface FieldFault {
  /** INTERNAL when the block is malformed, RESOURCE_EXHAUSTED when it exceeds a limit. */
  readonly code: Status;
  readonly message: string;
}

/**
 * Reads the field block at the start of a value of `valueBytes` bytes. Validates the whole block before decoding any
 * entry: at most `maxHeaderFields` entries, and at most `maxBytes` bytes, counting 32 more for each entry.
 */
export function readFields(
  b: Uint8Array,
  at: number,
  valueBytes: number,
  maxBytes: number,
  maxHeaderFields: number,
): FieldBlock | FieldFault {
  if (valueBytes < 2) return malformed("its length is cut off");
  const bytes = ((b[at] << 8) | b[at + 1]) + 2;
  if (bytes > valueBytes) return malformed(`it has ${bytes} bytes, the frame ${valueBytes}`);
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
    if (size < 0) return malformed(`entry ${fields} is cut off`);
    counted += size + ENTRY_OVERHEAD_BYTES;
    let fault: string | undefined;
    if (kind === Field.HEADER || kind === Field.TRAILER) {
      fault = pairFault(b, p);
      if (kind === Field.HEADER) headers++;
      else trailers++;
    } else if (kind === Field.TIMEOUT) {
      fault = timeoutFault(size, timeoutMs !== Infinity);
      timeoutMs = readU32(b, p + 3);
    } else if (kind === Field.AUTHORITY) {
      fault = authorityFault(b, p, size, authority !== "");
      authority = decoder.decode(b.subarray(p + 3, p + size));
    }
    if (fault !== undefined) return malformed(`entry ${fields} ${fault}`);
    fields++;
    p += size;
  }
  if (fields > maxHeaderFields) {
    return tooLarge(`Got ${fields} fields, limit is ${maxHeaderFields}`);
  }
  if (counted > maxBytes) return tooLarge(`Got ${counted} bytes of metadata, limit is ${maxBytes}`);
  if (headers === 0 && trailers === 0) {
    return { bytes, timeoutMs, authority, headers: NO_METADATA, trailers: NO_METADATA };
  }
  // The block is copied, because the input is valid only during this call; its pairs are decoded on access, if ever.
  const copy = b.slice(at + 2, end);
  return {
    bytes,
    timeoutMs,
    authority,
    headers: headers === 0 ? NO_METADATA : () => decodePairs(copy, Field.HEADER),
    trailers: trailers === 0 ? NO_METADATA : () => decodePairs(copy, Field.TRAILER),
  };
}

function malformed(what: string): FieldFault {
  return { code: Status.INTERNAL, message: `Cannot read a field block: ${what}` };
}

function tooLarge(message: string): FieldFault {
  return { code: Status.RESOURCE_EXHAUSTED, message };
}

function timeoutFault(size: number, repeated: boolean): string | undefined {
  if (repeated) return "is a second timeout";
  return size === 7 ? undefined : `is a timeout of ${size - 3} bytes, must be 4`;
}

function authorityFault(
  b: Uint8Array,
  at: number,
  size: number,
  repeated: boolean,
): string | undefined {
  if (repeated) return "is a second authority";
  if (size === 3) return "is an empty authority";
  for (let i = at + 3; i < at + size; i++) {
    if (b[i] < 0x21 || b[i] > 0x7e) return "is an authority that is not visible ASCII";
  }
  return undefined;
}

// Returns the length of an entry, in bytes: kind (1), length (2) and content; -1 if the entry is cut off. The content
// of a pair is key length (1), key, value.
function entryBytes(b: Uint8Array, at: number, end: number): number {
  if (end - at < 3) return -1;
  const size = 3 + ((b[at + 1] << 8) | b[at + 2]);
  return size > end - at ? -1 : size;
}

// A key has characters of a-z 0-9 - . _; a value is printable ASCII, or any bytes when the key ends in -bin. Spaces and
// tabs at the ends of a text are not part of it.
function pairFault(b: Uint8Array, at: number): string | undefined {
  const length = (b[at + 1] << 8) | b[at + 2];
  const keyBytes = length < 1 ? 0 : b[at + 3];
  if (keyBytes < 1 || keyBytes + 1 > length) return "has no metadata key";
  const keyEnd = at + 4 + keyBytes;
  for (let i = at + 4; i < keyEnd; i++) {
    const c = b[i];
    const good = (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c === 0x2d ||
      c === 0x2e || c === 0x5f;
    if (!good) return "has a metadata key with characters other than a-z 0-9 _ - .";
  }
  if (isForbiddenKey(b, at + 4, keyBytes)) return "has a metadata key that HTTP/2 forbids";
  if (keyBytes > 4 && readU32(b, keyEnd - 4) === BIN_SUFFIX) return undefined;
  let start = keyEnd;
  let end = at + 3 + length;
  while (start < end && isSpace(b[start])) start++;
  while (end > start && isSpace(b[end - 1])) end--;
  for (let i = start; i < end; i++) {
    if (b[i] < 0x20 || b[i] > 0x7e) return "has a metadata value that is not printable ASCII";
  }
  return undefined;
}

function isSpace(octet: number): boolean {
  return octet === 0x20 || octet === 0x09;
}

function isForbiddenKey(b: Uint8Array, at: number, length: number): boolean {
  for (const key of FORBIDDEN_KEYS) {
    if (key.length !== length) continue;
    let same = 0;
    while (same < length && b[at + same] === key[same]) same++;
    if (same === length) return true;
  }
  return false;
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

/** Content of a block to be sent. */
export interface FieldInput {
  /** Time until the call's deadline, in ms; rounded up, and omitted above 2³²−2. */
  readonly timeoutMs?: number;
  /** Authority of the call. */
  readonly authority?: string;
  /** Request metadata or response headers. */
  readonly headers?: Metadata;
  /** Trailing metadata. */
  readonly trailers?: Metadata;
}

/**
 * Encodes a field block with its 2-byte length; returns undefined if the block would be empty. Throws RangeError if the
 * block exceeds 65,535 bytes, TypeError if the buffer of a value was detached.
 */
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

const MAX_BLOCK_BYTES = 0xffff;
// Buffer in which every block is encoded, after its 2-byte length, before it is copied.
const scratch = new Uint8Array(2 + MAX_BLOCK_BYTES);
// Longest text, in characters, that a loop encodes faster than the runtime's encoder.
const LOOP_CHARACTERS = 32;

function putPairs(at: number, kind: number, metadata: Metadata): number {
  metadata.checkReadable();
  for (const [key, value] of pairsOf(metadata)) at = putEntry(at, kind, key, value);
  return at;
}

/** Writes an entry at `at`; returns where it ends. */
function putEntry(
  at: number,
  kind: number,
  key: string | undefined,
  value: string | Uint8Array,
): number {
  if (at + 4 > scratch.length) throw blockTooLarge();
  const start = at;
  at += 3;
  if (key !== undefined) {
    at = putText(at + 1, key);
    // Metadata has no longer keys than one byte can state.
    scratch[start + 3] = at - start - 4;
  }
  if (typeof value === "string") {
    at = putText(at, value);
  } else {
    if (at + value.length > scratch.length) throw blockTooLarge();
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
  if (at + text.length > scratch.length) throw blockTooLarge();
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
  if (read < text.length) throw blockTooLarge();
  return at + written;
}

function blockTooLarge(): RangeError {
  return new RangeError(`Cannot send metadata of more than ${MAX_BLOCK_BYTES} bytes`);
}
