/**
 * Reads strings of JSON, and finds their end.
 *
 * Loops over the bytes of a text compare with its length: the engine compiles a loop that has once read beyond an array
 * to code that is four times as slow, which truncated JSON would bring about.
 *
 * @module
 */

import { text } from "../code_generation.ts";
import { cursor } from "../reader.ts";
import { Char, unexpected, wrongAt } from "./input.ts";

// Strings with escapes are unescaped here before they become text; a larger buffer is not kept.
const SCRATCH_BYTES = 4_096;
const scratch = new Uint8Array(SCRATCH_BYTES);
// Longest run of bytes that is copied one by one, because a call of `set` would take longer.
const MAX_COPIED_SINGLY = 64;
/** Bytes that single-letter escapes stand for (RFC 8259 §7). */
const ESCAPES = new Uint8Array(256);
for (
  const [letter, code] of Object.entries({
    ...{ b: 8, t: 9, n: 10, f: 12, r: 13, '"': 0x22, "/": 0x2f, "\\": 0x5c },
  })
) ESCAPES[letter.charCodeAt(0)] = code;

/** Returns the string whose opening quote is at `p`; `name` is of its field, for errors. */
export function string(b: Uint8Array, p: number, name: string): string {
  const start = p + 1;
  let at = start;
  for (; at < b.length; at++) {
    const c = b[at];
    if (c === Char.QUOTE) break;
    if (c < 0x20 || c === Char.BACKSLASH) return escaped(b, start, at, name);
  }
  if (at >= b.length) throw unexpected(b, at);
  cursor.at = at + 1;
  return text(b, start, at - start);
}

/** Returns the position after the string whose opening quote is at `p`; its escapes are checked. */
export function stringEnd(b: Uint8Array, p: number): number {
  for (let at = p + 1; at < b.length; at++) {
    const c = b[at];
    if (c === Char.QUOTE) return at + 1;
    if (c === Char.BACKSLASH) at = escapeEnd(b, at) - 1;
    else if (c < 0x20) throw unexpected(b, at);
  }
  throw unexpected(b, b.length);
}

/** Whether the string whose opening quote is at `p` ends within `max` bytes; its escapes are not checked. */
export function endsWithin(b: Uint8Array, p: number, max: number): boolean {
  const last = Math.min(p + max, b.length - 1);
  for (let at = p + 1; at <= last; at++) {
    const c = b[at];
    if (c === Char.QUOTE) return true;
    if (c === Char.BACKSLASH) at++;
  }
  return false;
}

function escapeEnd(b: Uint8Array, backslash: number): number {
  const letter = b[backslash + 1];
  if (letter === Char.U) {
    hex(b, backslash + 2);
    return backslash + 6;
  }
  if (!(ESCAPES[letter] > 0)) throw unexpected(b, backslash + 1);
  return backslash + 2;
}

/** Returns the string that begins at `start`, after its quote; its first escape or control is at `at`. */
function escaped(b: Uint8Array, start: number, at: number, name: string): string {
  const end = stringEnd(b, at - 1) - 1;
  const target = end - start <= SCRATCH_BYTES ? scratch : new Uint8Array(end - start);
  let to = at - start;
  if (to > MAX_COPIED_SINGLY) target.set(b.subarray(start, at));
  else for (let i = 0; i < to; i++) target[i] = b[start + i];
  while (at < end) {
    const c = b[at];
    if (c !== Char.BACKSLASH) {
      target[to++] = c;
      at++;
      continue;
    }
    const letter = b[at + 1];
    if (letter !== Char.U) {
      target[to++] = ESCAPES[letter];
      at += 2;
      continue;
    }
    let code = hex(b, at + 2);
    let next = at + 6;
    if ((code & 0xf800) === 0xd800) {
      const low = code < 0xdc00 && b[next] === Char.BACKSLASH && b[next + 1] === Char.U
        ? hex(b, next + 2)
        : 0;
      if ((low & 0xfc00) !== 0xdc00) {
        throw wrongAt(b, at, name, "the text has half of a surrogate pair");
      }
      code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
      next += 6;
    }
    to = utf8(target, to, code);
    at = next;
  }
  cursor.at = end + 1;
  return text(target, 0, to);
}

function hex(b: Uint8Array, p: number): number {
  let code = 0;
  for (let i = 0; i < 4; i++) {
    const c = b[p + i];
    const letter = c | 0x20;
    if (c >= 0x30 && c <= 0x39) code = code << 4 | c - 0x30;
    else if (letter >= 0x61 && letter <= 0x66) code = code << 4 | letter - 0x57;
    else throw unexpected(b, p + i);
  }
  return code;
}

/** Writes a code point as UTF-8; returns the position after it. */
export function utf8(b: Uint8Array, p: number, code: number): number {
  if (code < 0x80) b[p++] = code;
  else if (code < 0x800) {
    b[p++] = 0xc0 | code >> 6;
    b[p++] = 0x80 | code & 0x3f;
  } else {
    if (code < 0x10000) b[p++] = 0xe0 | code >> 12;
    else {
      b[p++] = 0xf0 | code >> 18;
      b[p++] = 0x80 | code >> 12 & 0x3f;
    }
    b[p++] = 0x80 | code >> 6 & 0x3f;
    b[p++] = 0x80 | code & 0x3f;
  }
  return p;
}
