/**
 * Skips values of JSON, and finds the types of `google.protobuf.Any` before their fields are read.
 *
 * @module
 */

import { cursor } from "../reader.ts";
import {
  boolean,
  Char,
  colon,
  type Input,
  JsonLimitError,
  nullEnd,
  space,
  take,
  takeEighths,
  unexpected,
} from "./input.ts";
import { numberEnd } from "./numbers.ts";
import { string, stringEnd } from "./strings.ts";

/** Limit on the levels of objects and lists in a value that is skipped. */
const MAX_LEVELS = 400;
const lossy = new TextDecoder();
const TYPE = new TextEncoder().encode('"@type"');

/** Returns the position after the value at `p`, which is checked for its syntax alone. */
export function skip(b: Uint8Array, p: number, o: Input, levels = MAX_LEVELS): number {
  switch (b[p]) {
    case Char.QUOTE:
      return stringEnd(b, p);
    case Char.OPEN:
      return skipObject(b, p, o, levels - 1, false);
    case Char.OPEN_LIST:
      return skipList(b, p, o, levels - 1);
    case Char.N:
      return nullEnd(b, p);
  }
  return boolean(b, p) === undefined ? numberEnd(b, p) : cursor.at;
}

function enter(o: Input, levels: number): void {
  if (levels <= 0) {
    throw new JsonLimitError(`the JSON has objects and lists nested more than ${MAX_LEVELS} deep`);
  }
  take(o, 1);
}

function skipList(b: Uint8Array, p: number, o: Input, levels: number): number {
  enter(o, levels);
  p = space(b, p + 1);
  if (b[p] === Char.CLOSE_LIST) return p + 1;
  for (;;) {
    takeEighths(o, 1);
    p = space(b, skip(b, p, o, levels));
    if (b[p] === Char.CLOSE_LIST) return p + 1;
    if (b[p] !== Char.COMMA) throw unexpected(b, p);
    p = space(b, p + 1);
  }
}

/** Skips an object and notes its type URL; with `stop`, only up to the type URL. */
function skipObject(
  b: Uint8Array,
  p: number,
  o: Input,
  levels: number,
  stop: boolean,
): number {
  enter(o, levels);
  const start = p;
  p = space(b, p + 1);
  if (b[p] === Char.CLOSE) return p + 1;
  for (;;) {
    if (b[p] !== Char.QUOTE) throw unexpected(b, p);
    take(o, 1);
    const end = stringEnd(b, p);
    if (isType(b, p, end)) {
      p = colon(b, end);
      if (b[p] === Char.QUOTE) {
        (o.types ??= new Map()).set(start, string(b, p, "@type"));
        p = cursor.at;
        if (stop) return p;
      } else p = skip(b, p, o, levels);
    } else p = skip(b, colon(b, end), o, levels);
    p = space(b, p);
    if (b[p] === Char.CLOSE) return p + 1;
    if (b[p] !== Char.COMMA) throw unexpected(b, p);
    p = space(b, p + 1);
  }
}

const LONGEST_TYPE = '"\\u0040\\u0074\\u0079\\u0070\\u0065"'.length;

/** Whether the string from `p` to `end` is "@type", with escapes or without. */
function isType(b: Uint8Array, p: number, end: number): boolean {
  if (end - p === TYPE.length) return TYPE.every((byte, i) => b[p + i] === byte);
  const hasEscapes = end - p <= LONGEST_TYPE && b.subarray(p, end).includes(Char.BACKSLASH);
  return hasEscapes && JSON.parse(lossy.decode(b.subarray(p, end))) === "@type";
}

/**
 * Returns the type URL of the object at `p`, wherever it stands among the members; undefined if there is none. No part
 * of the text is searched twice.
 */
export function typeOf(b: Uint8Array, p: number, o: Input): string | undefined {
  if (p >= o.searchedTo) {
    // The elements are counted when they are read.
    const { left } = o;
    o.searchedTo = skipObject(b, p, o, MAX_LEVELS, true);
    o.left = left;
  }
  return o.types?.get(p);
}
