/** Frames of both wires, for mutation. */

import type { Random } from "../simulation/random.ts";
import { join, scratch } from "./target.ts";

const PREFACE_BYTES = 24;
const NUMBERS = [0, 1, 2, 3, 5, 7, 8, 9, 16_383, 16_384, 16_385, 65_535, 65_536, 0xffffff];
const WIDE = [...NUMBERS, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffffff];

function put(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let i = 0; i < width; i++) bytes[at + i] = Math.floor(value / 2 ** (8 * (width - 1 - i)));
}

/** Splits an HTTP/2 transcript: the preface, if any, then frames. */
export function splitHttp2(input: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let at = 0;
  if (input.length >= PREFACE_BYTES && input[0] === 0x50 && input[1] === 0x52) {
    units.push(input.slice(0, PREFACE_BYTES));
    at = PREFACE_BYTES;
  }
  while (at < input.length) {
    const length = 9 + (input[at] << 16 | input[at + 1] << 8 | input[at + 2]);
    units.push(input.slice(at, at + length));
    at += length;
  }
  return units;
}

/** Changes type, flags, stream or payload of a frame; mostly keeps its length correct. */
export function bendHttp2(unit: Uint8Array, random: Random): Uint8Array {
  if (unit.length < 9 || unit[0] === 0x50) return scratch(unit, random);
  const frame = unit.slice();
  switch (random.int(0, 6)) {
    case 0:
      frame[3] = random.int(0, 10);
      return frame;
    case 1:
      frame[4] = random.pick([0, 1, 4, 5, 8, 0x20, 0x2d, random.int(0, 255)]);
      return frame;
    case 2:
      put(frame, 5, 4, random.pick([0, 1, 2, 3, 5, 7, 9, 101, ...WIDE]));
      return frame;
    case 3:
      put(frame, 0, 3, random.pick(NUMBERS));
      return frame;
    case 4:
      if (frame.length >= 13) put(frame, random.int(9, frame.length - 4), 4, random.pick(WIDE));
      return frame;
    default: {
      const payload = scratch(frame.subarray(9), random);
      put(frame, 0, 3, payload.length);
      return join([frame.subarray(0, 9), payload]);
    }
  }
}

/** Splits a lean transcript: frames of 16 octets, a type and a value. */
export function splitLean(input: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  for (let at = 0; at < input.length;) {
    const type = input[at + 10] << 8 | input[at + 11];
    const value = input[at + 12] * 2 ** 24 +
      (input[at + 13] << 16 | input[at + 14] << 8 | input[at + 15]);
    const length = 16 + (type || 0) + (value || 0);
    units.push(input.slice(at, at + length));
    at += length;
  }
  return units;
}

/** Changes version, flags, call, lengths, type or value of a frame. */
export function bendLean(unit: Uint8Array, random: Random): Uint8Array {
  if (unit.length < 16) return scratch(unit, random);
  const frame = unit.slice();
  const type = frame[10] << 8 | frame[11];
  switch (random.int(0, 8)) {
    case 0:
      frame[0] = random.pick([0, 1, 2, 255]);
      return frame;
    case 1:
      frame[1] ^= 1 << random.int(0, 7);
      return frame;
    case 2:
      frame[1] = random.int(0, 255);
      return frame;
    case 3:
      put(frame, 6, 4, random.pick([0, 1, 2, 3, 4, 5, 9, ...WIDE]));
      return frame;
    case 4:
      frame[2 + random.int(0, 7)] = random.pick([0, 1, 0x20, 0x7f, 0x80, 0xff]);
      return frame;
    case 5:
      put(frame, 10, 2, random.pick([0, 1, 2, 16, 1_024, 1_025, 65_535]));
      return frame;
    case 6:
      put(frame, 12, 4, random.pick(WIDE));
      return frame;
    case 7:
      if (frame.length > 16) frame[16] = random.int(0, 10);
      return frame;
    default: {
      const value = scratch(frame.subarray(16 + type), random);
      put(frame, 12, 4, value.length);
      return join([frame.subarray(0, 16 + type), value]);
    }
  }
}
