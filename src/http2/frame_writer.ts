/**
 * Writes frames into the output (RFC 9113 §6).
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { Flag, FrameType } from "./constants.ts";

const utf8 = new TextEncoder();

/** Writes a frame header (RFC 9113 §4.1) at offset `at` of `buffer`, which must have room for 9 octets. */
export function putFrameHeader(
  buffer: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[at] = length >>> 16;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  buffer[at + 5] = streamId >>> 24;
  buffer[at + 6] = streamId >>> 16;
  buffer[at + 7] = streamId >>> 8;
  buffer[at + 8] = streamId;
}

function frame(out: ByteWriter, length: number, type: number, flags: number, id: number): void {
  out.reserve(9 + length);
  putFrameHeader(out.buffer, out.length, length, type, flags, id);
  out.length += 9;
}

/** Writes SETTINGS with `pairs` of identifier and value. */
export function writeSettings(
  out: ByteWriter,
  pairs: readonly (readonly [number, number])[],
): void {
  frame(out, pairs.length * 6, FrameType.SETTINGS, 0, 0);
  for (const [id, value] of pairs) {
    out.u16(id);
    out.u32(value);
  }
}

/** Writes an acknowledgement of SETTINGS. */
export function writeSettingsAck(out: ByteWriter): void {
  frame(out, 0, FrameType.SETTINGS, Flag.ACK, 0);
}

/** Writes PING with 8 bytes of opaque data, as two words. */
export function writePing(out: ByteWriter, ack: boolean, high: number, low: number): void {
  frame(out, 8, FrameType.PING, ack ? Flag.ACK : 0, 0);
  out.u32(high);
  out.u32(low);
}

/** Writes GOAWAY with debug text. */
export function writeGoaway(out: ByteWriter, lastId: number, code: number, text: string): void {
  const debug = utf8.encode(text);
  frame(out, 8 + debug.length, FrameType.GOAWAY, 0, 0);
  out.u32(lastId);
  out.u32(code);
  out.bytes(debug);
}

/** Writes RST_STREAM. */
export function writeRstStream(out: ByteWriter, streamId: number, code: number): void {
  frame(out, 4, FrameType.RST_STREAM, 0, streamId);
  out.u32(code);
}

/** Writes WINDOW_UPDATE; stream 0 is the connection. */
export function writeWindowUpdate(out: ByteWriter, streamId: number, increment: number): void {
  frame(out, 4, FrameType.WINDOW_UPDATE, 0, streamId);
  out.u32(increment);
}
