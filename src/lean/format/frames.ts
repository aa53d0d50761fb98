/**
 * Frames of the lean wire: a 16-byte header, the type, the value. ../README.md has the format.
 *
 * @module
 */

import type { ByteWriter } from "../../bytes/writer.ts";

/** First byte of every frame. */
export const VERSION = 1;
/** Length of a header: version, flags, call id, type length, value length. */
export const HEADER_BYTES = 16;

/** Flag: the frame opens a call. */
export const REQUEST = 0x01;
/** Flag: the frame is part of a reply. */
export const RESPONSE = 0x02;
/** Flag: the frame carries one message of a stream. */
export const STREAM = 0x04;
/** Flag: the sender's stream ends with this frame. */
export const END = 0x08;
/** Flag: the call failed; the value is an error. */
export const ERROR = 0x10;
/** Flag: the value begins with a field block; after the hello only. */
export const FIELDS = 0x20;
/** Flag: the message continues in the call's next frame; after the hello only. */
export const MORE = 0x40;
/** Flag: the message is compressed with gzip; after the hello only. */
export const COMPRESSED = 0x80;

/** Flags of a control frame, whose type is one byte, a {@link Control}; after the hello only. */
export const CONTROL = 0x00;

/** Kinds of control frames: the one byte of their type. */
export const Control = {
  /** From a client: cancels the call. The value is empty. */
  CANCEL: 1,
  /** u32: additional bytes of messages that may be sent for this call. */
  CREDIT: 2,
  /** Ping with a payload of eight bytes, which PONG repeats. */
  PING: 3,
  /** Answer to PING, with the payload of the PING. */
  PONG: 4,
  /** No more calls are opened: u8 reason, u64 id of the last call processed, text. */
  GOODBYE: 5,
  /** From a server: response headers as a field block, ahead of the first message. */
  HEADERS: 6,
} as const;

/** Reasons of GOODBYE. */
export const Reason = {
  /** Graceful drain: open calls finish. */
  NO_ERROR: 0,
  /** The peer broke the protocol. */
  PROTOCOL_ERROR: 1,
  /** The peer exceeded its credit. */
  FLOW_CONTROL: 2,
  /** A length exceeds a limit. */
  TOO_LARGE: 3,
  /** The peer exceeded its overhead budget. */
  ENHANCE_YOUR_CALM: 4,
  /** Pings are too frequent. */
  TOO_MANY_PINGS: 5,
  /** The peer was silent, or did not read, for too long. */
  TIMEOUT: 6,
  /** This side is shutting down without a drain. */
  ABORTED: 7,
} as const;

/** One of {@link Reason}. */
export type Reason = (typeof Reason)[keyof typeof Reason];

/** Reserved route of the hello. */
export const HELLO_ROUTE = "vrpc/hello";

/** Largest id of a call after the hello: the largest integer that a JavaScript number holds exactly, 2⁵³−1. */
export const MAX_CALL_ID = Number.MAX_SAFE_INTEGER;

const TWO_32 = 0x1_0000_0000;

/** Writes a frame header and reserves room for type and value. */
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

/** Writes header and kind of a control frame; the caller writes its value of `valueBytes` bytes. */
export function writeControl(out: ByteWriter, kind: number, id: number, valueBytes: number): void {
  writeHeader(out, CONTROL, idHigh(id), id >>> 0, 1, valueBytes);
  out.buffer[out.length++] = kind;
}

/** Upper 32 bits of a call id. */
export function idHigh(id: number): number {
  return id < TWO_32 ? 0 : Math.floor(id / TWO_32);
}

/** Reads an unsigned 32-bit number. */
export function readU32(b: Uint8Array, at: number): number {
  return ((b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]) >>> 0;
}

/** Reads an unsigned 64-bit number. Numbers above 2⁵³ are rounded; call ids after the hello are smaller. */
export function readId(b: Uint8Array, at: number): number {
  const high = readU32(b, at);
  const low = readU32(b, at + 4);
  return high === 0 ? low : high * TWO_32 + low;
}

/** Writes an unsigned 64-bit number up to 2⁵³. */
export function writeU64(out: ByteWriter, value: number): void {
  out.u32(idHigh(value));
  out.u32(value >>> 0);
}
