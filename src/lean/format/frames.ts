/**
 * The frames of the lean wire: one 16-byte header, then the type (a route) and the value. See README.md.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";

/** The version byte of every frame. */
export const VERSION = 1;
/** Version, flags, call id, type length, value length. */
export const HEADER_BYTES = 16;

/** The frame opens a call. */
export const REQUEST = 0x01;
/** The frame is part of a reply. */
export const RESPONSE = 0x02;
/** The frame carries one message of a stream. */
export const STREAM = 0x04;
/** The sender's stream ends with this frame. */
export const END = 0x08;
/** The call failed; the value says how. */
export const ERROR = 0x10;
/** The value begins with a field block (after the hello only). */
export const FIELDS = 0x20;
/** The message goes on in the call's next frame (after the hello only). */
export const MORE = 0x40;
/** The message is compressed with gzip (after the hello only). */
export const COMPRESSED = 0x80;

/** Flags of a control frame (after the hello only): none; its type is one byte, a {@link Control}. */
export const CONTROL = 0x00;

/** Kinds of control frames: the one byte of their type. */
export const Control = {
  /** Client: the call is given up. Empty. */
  CANCEL: 1,
  /** u32: so many more bytes of messages of this call may be sent. */
  CREDIT: 2,
  /** Eight bytes that the answer repeats. */
  PING: 3,
  /** The answer to PING. */
  PONG: 4,
  /** u8 reason, u64 last call id looked at, text: no more calls. */
  GOODBYE: 5,
  /** Server: a field block, the response headers, ahead of the first message. */
  HEADERS: 6,
} as const;

/** Reasons in GOODBYE frames. */
export const Reason = {
  /** A drain: open calls finish. */
  NO_ERROR: 0,
  /** The peer broke the rules of the wire. */
  PROTOCOL_ERROR: 1,
  /** The peer sent more than it had credit for. */
  FLOW_CONTROL: 2,
  /** A length above a limit. */
  TOO_LARGE: 3,
  /** The peer causes too much work for nothing. */
  ENHANCE_YOUR_CALM: 4,
  /** Pings come too fast. */
  TOO_MANY_PINGS: 5,
  /** The peer was silent or did not read for too long. */
  TIMEOUT: 6,
  /** This side is being stopped. */
  ABORTED: 7,
} as const;

/** One of {@link Reason}. */
export type Reason = (typeof Reason)[keyof typeof Reason];

/** The reserved route of the hello. */
export const HELLO_ROUTE = "vrpc/hello";

/** The largest id of a call after the hello: what a JavaScript number holds exactly. */
export const MAX_CALL_ID = Number.MAX_SAFE_INTEGER;

const TWO_32 = 0x1_0000_0000;

/** Writes a frame header; `out` needs no reserve before. */
export function writeHeader(
  out: ByteWriter,
  flags: number,
  idHigh: number,
  idLow: number,
  typeBytes: number,
  valueBytes: number,
): void {
  out.reserve(HEADER_BYTES + typeBytes + valueBytes);
  const b = out.buffer;
  const at = out.length;
  b[at] = VERSION;
  b[at + 1] = flags;
  b[at + 2] = idHigh >>> 24;
  b[at + 3] = idHigh >>> 16;
  b[at + 4] = idHigh >>> 8;
  b[at + 5] = idHigh;
  b[at + 6] = idLow >>> 24;
  b[at + 7] = idLow >>> 16;
  b[at + 8] = idLow >>> 8;
  b[at + 9] = idLow;
  b[at + 10] = typeBytes >>> 8;
  b[at + 11] = typeBytes;
  b[at + 12] = valueBytes >>> 24;
  b[at + 13] = valueBytes >>> 16;
  b[at + 14] = valueBytes >>> 8;
  b[at + 15] = valueBytes;
  out.length = at + HEADER_BYTES;
}

/** Writes a control frame's header and kind; its `valueBytes` of value are the caller's to write. */
export function writeControl(out: ByteWriter, kind: number, id: number, valueBytes: number): void {
  writeHeader(out, CONTROL, idHigh(id), id >>> 0, 1, valueBytes);
  out.buffer[out.length++] = kind;
}

/** The upper half of a call id. */
export function idHigh(id: number): number {
  return id < TWO_32 ? 0 : Math.floor(id / TWO_32);
}

/** 32 bits at `at`, unsigned. */
export function readU32(b: Uint8Array, at: number): number {
  return ((b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]) >>> 0;
}

/** 64 bits at `at` as a number; above 2^53 the lowest bits are lost, which no valid id needs. */
export function readId(b: Uint8Array, at: number): number {
  const high = readU32(b, at);
  const low = readU32(b, at + 4);
  return high === 0 ? low : high * TWO_32 + low;
}

/** Appends a 64-bit number. */
export function writeU64(out: ByteWriter, value: number): void {
  out.u32(idHigh(value));
  out.u32(value >>> 0);
}
