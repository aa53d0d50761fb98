/**
 * What the readers of JSON share: the options and limits of one text, whitespace, literals, and errors with their
 * position.
 *
 * Readers take bytes of UTF-8 and a position, and leave the position after their value in the `cursor` of `reader.ts`.
 *
 * @module
 */

import type { Registry } from "@bufbuild/protobuf";
import { type Range, whole } from "../../limits/ranges.ts";
import { cursor } from "../reader.ts";

/** Range of `maxElements`. */
export const MAX_ELEMENTS_RANGE: Range = whole(1, Infinity);

/** Options and state of reading one text. */
export interface Input {
  readonly registry: Registry | undefined;
  readonly ignoreUnknownFields: boolean;
  readonly maxElements: number;
  /** Eighths of elements that the rest of the text may have; see {@link take}. */
  left: number;
  /** Members "@type" that were found before their objects were read, by the position of the `{`. */
  types: Map<number, string> | undefined;
  /** Position up to which type URLs were searched. */
  searchedTo: number;
  /** Positions of objects that are read as the message of an Any, and may have a member "@type". */
  anys: Set<number> | undefined;
}

/** Returns the state before the first byte of a text is read. */
export function newInput(
  registry: Registry | undefined,
  ignoreUnknownFields: boolean,
  maxElements: number,
): Input {
  return {
    registry,
    ignoreUnknownFields,
    maxElements,
    // The first seven items of a list are free.
    left: maxElements * EIGHTHS + EIGHTHS - 1,
    types: undefined,
    searchedTo: 0,
    anys: undefined,
  };
}

/**
 * Reads the value at `p`, where no whitespace is, and moves the cursor after it. `d`: messages that may still be
 * nested.
 */
export type Read = (b: Uint8Array, p: number, o: Input, d: number) => unknown;

/** Result of a reader for the unknown name of an enum value, which is ignored with unknown fields. */
export const IGNORED: unique symbol = Symbol("ignored");

/** Characters of JSON. */
export const Char = {
  QUOTE: 0x22,
  PLUS: 0x2b,
  COMMA: 0x2c,
  MINUS: 0x2d,
  DOT: 0x2e,
  ZERO: 0x30,
  COLON: 0x3a,
  OPEN_LIST: 0x5b,
  BACKSLASH: 0x5c,
  CLOSE_LIST: 0x5d,
  E: 0x65,
  N: 0x6e,
  U: 0x75,
  OPEN: 0x7b,
  CLOSE: 0x7d,
} as const;

/** Parts of an element. */
const EIGHTHS = 8;
const MAX_SHOWN = 40;
const MAX_QUOTED_NAME = 80;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Thrown for JSON that exceeds the limits on its structure. */
export class JsonLimitError extends RangeError {
  /** `JsonLimitError`. */
  override readonly name = "JsonLimitError";
}

/**
 * Counts elements: objects, lists, members of objects, and other values that take as long. Throws JsonLimitError
 * beyond the limit.
 */
export function take(o: Input, count: number): void {
  takeEighths(o, count * EIGHTHS);
}

/** Counts parts of an element, of which an item of a list is one. */
export function takeEighths(o: Input, count: number): void {
  if ((o.left -= count) < 0) {
    throw new JsonLimitError(`the JSON has more than ${o.maxElements} objects, lists and members`);
  }
}

/** Returns the position of the first byte from `p` that is no whitespace (RFC 8259 §2). */
export function space(b: Uint8Array, p: number): number {
  for (; p < b.length; p++) {
    const c = b[p];
    if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) break;
  }
  return p;
}

/** Returns the position after the colon behind a member's name, and after the whitespace around it. */
export function colon(b: Uint8Array, p: number): number {
  if (b[p] !== Char.COLON) {
    p = space(b, p);
    if (b[p] !== Char.COLON) throw unexpected(b, p);
  }
  p++;
  return b[p] <= 0x20 ? space(b, p) : p;
}

const LITERALS = ["true", "false", "null"].map((name) => new TextEncoder().encode(name));

function literal(b: Uint8Array, p: number, name: Uint8Array): number {
  for (let i = 0; i < name.length; i++) {
    if (b[p + i] !== name[i]) throw unexpected(b, p + i);
  }
  return p + name.length;
}

/** Returns the position after `null`, which begins at `p`. */
export function nullEnd(b: Uint8Array, p: number): number {
  return literal(b, p, LITERALS[2]);
}

/** Reads `true` or `false`; undefined for another value. */
export function boolean(b: Uint8Array, p: number): boolean | undefined {
  const first = b[p];
  if (first !== 0x74 && first !== 0x66) return undefined;
  cursor.at = literal(b, p, LITERALS[first === 0x74 ? 0 : 1]);
  return first === 0x74;
}

/** Returns the position in UTF-16 code units, as an editor shows it. */
function positionOf(b: Uint8Array, p: number): number {
  let units = 0;
  for (let i = 0; i < p; i++) {
    const c = b[i];
    // A character of four bytes is two code units; continuation bytes are none.
    if (c < 0x80 || c >= 0xc0) units += c < 0xf0 ? 1 : 2;
  }
  return units;
}

/** Quotes a name of the text for an error. */
export function quoted(name: string): string {
  const isLong = name.length > MAX_QUOTED_NAME;
  return JSON.stringify(isLong ? `${name.slice(0, MAX_QUOTED_NAME)}…` : name);
}

/** Error for a byte that the grammar of JSON does not allow there. */
export function unexpected(b: Uint8Array, p: number): SyntaxError {
  if (p >= b.length) {
    return new SyntaxError(`Unexpected end of JSON input at position ${positionOf(b, b.length)}`);
  }
  const [char] = decoder.decode(b.subarray(p, p + 4));
  const shown = char < " " ? JSON.stringify(char).slice(1, -1) : char;
  return new SyntaxError(`Unexpected token '${shown}' at position ${positionOf(b, p)}`);
}

/** Error for the value at `p`, which is not what its field can have. */
export function wrong(b: Uint8Array, p: number, name: string, expected: string): Error {
  const c = b[p];
  const starts = c === Char.QUOTE || c === Char.MINUS || c === Char.OPEN || c === Char.OPEN_LIST ||
    c === Char.N || c === 0x74 || c === 0x66 || (c >= 0x30 && c <= 0x39);
  if (!starts) return unexpected(b, p);
  return wrongAt(b, p, name, `${shown(b, p)} is not ${expected}`);
}

/** Error for a field, with the position. */
export function wrongAt(b: Uint8Array, p: number, name: string, problem: string): Error {
  return new Error(`Cannot read ${name}: ${problem}, at position ${positionOf(b, p)}`);
}

function shown(b: Uint8Array, p: number): string {
  if (b[p] === Char.OPEN) return "an object";
  if (b[p] === Char.OPEN_LIST) return "a list";
  const text = decoder.decode(b.subarray(p, p + 4 * MAX_SHOWN));
  const token = b[p] === Char.QUOTE
    ? /^"(?:[^"\\]|\\.)*"?/s.exec(text)![0]
    : /^[^\s,\]}]*/.exec(text)![0];
  return token.length > MAX_SHOWN ? `${token.slice(0, MAX_SHOWN)}…` : token;
}

/** Error for messages that are nested too deep. */
export function tooDeep(limit: number): JsonLimitError {
  return new JsonLimitError(`the JSON has messages nested more than ${limit} deep`);
}
