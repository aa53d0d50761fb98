/**
 * Encoder of a server's frames (RFC 6455 §5.2), which are not masked.
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";

/** Opcodes (RFC 6455 §11.8). */
export const Opcode = {
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
} as const;

/** Longest payload of a control frame, in bytes (RFC 6455 §5.5). */
export const MAX_CONTROL_BYTES = 125;

const FIN = 0x80;
const utf8 = new TextEncoder();

/** Appends one frame, which is a whole message. */
export function appendFrame(out: ByteWriter, opcode: number, payload: Uint8Array): void {
  const { length } = payload;
  out.u8(FIN | opcode);
  if (length <= 125) {
    out.u8(length);
  } else if (length <= 0xffff) {
    out.u8(126);
    out.u16(length);
  } else {
    out.u8(127);
    out.u32(Math.floor(length / 0x1_0000_0000));
    out.u32(length >>> 0);
  }
  out.bytes(payload);
}

/** Appends a Close frame. Its `reason` is cut to what fits, at the end of a character. */
export function appendClose(out: ByteWriter, code: number, reason: string): void {
  const payload = new Uint8Array(MAX_CONTROL_BYTES);
  payload[0] = code >>> 8;
  payload[1] = code;
  const { written } = utf8.encodeInto(reason, payload.subarray(2));
  appendFrame(out, Opcode.CLOSE, payload.subarray(0, 2 + written));
}
