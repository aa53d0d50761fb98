/** Frames as bytes, so that tests show what is on the wire. */

import { ByteWriter } from "../../src/bytes/writer.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { PREFACE } from "../../src/http2/constants.ts";

/** Any frame. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Iterable<number> = [],
): Uint8Array {
  const body = [...payload];
  const length = body.length;
  return Uint8Array.from([
    length >> 16,
    length >> 8,
    length,
    type,
    flags,
    id >>> 24,
    id >>> 16,
    id >>> 8,
    id,
    ...body,
  ].map((b) => b & 0xff));
}

/** 32 bits, big-endian. */
export const u32 = (n: number) => [n >>> 24, n >>> 16, n >>> 8, n].map((b) => b & 0xff);

export const data = (id: number, payload: Iterable<number>, flags = 0) =>
  frame(0, flags, id, payload);
export const rst = (id: number, code: number) => frame(3, 0, id, u32(code));
export const settings = (...pairs: [number, number][]) =>
  frame(4, 0, 0, pairs.flatMap(([k, v]) => [k >> 8, k & 0xff, ...u32(v)]));
export const settingsAck = () => frame(4, 1, 0);
export const ping = (flags = 0) => frame(6, flags, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
export const goaway = (last: number, code: number) => frame(7, 0, 0, [...u32(last), ...u32(code)]);
export const windowUpdate = (id: number, n: number) => frame(8, 0, id, u32(n));

/** A header block without dynamic table entries. */
export function block(fields: readonly (readonly [string, string])[]): Uint8Array {
  const encoder = new HpackEncoder({ maxTableBytes: 0 });
  const out = new ByteWriter();
  encoder.begin(new ByteWriter());
  for (const [name, value] of fields) encoder.field(out, name, value, "never");
  return out.view().slice();
}

export const GRPC_REQUEST = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/a.B/C"],
  [":authority", "x"],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
] as const;

/** HEADERS with END_HEADERS. */
export const headers = (
  id: number,
  fields: readonly (readonly [string, string])[] = GRPC_REQUEST,
  flags = 4,
) => frame(1, flags, id, block(fields));

/** First bytes of a client: preface, SETTINGS and the acknowledgement of the server's. */
export const hello = (...pairs: [number, number][]) =>
  join(PREFACE, settings(...pairs), settingsAck());

/** All bytes in one array. */
export function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

/** One frame as read. */
export interface Frame {
  type: number;
  flags: number;
  id: number;
  payload: Uint8Array;
}

/** Cuts bytes into frames. */
export function parse(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
    const id = bytes[at + 5] << 24 | bytes[at + 6] << 16 | bytes[at + 7] << 8 | bytes[at + 8];
    frames.push({
      type: bytes[at + 3],
      flags: bytes[at + 4],
      id,
      payload: bytes.slice(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}
