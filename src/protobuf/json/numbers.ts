/**
 * Reads numbers of JSON exactly: integers by their digits, which a double may not hold.
 *
 * @module
 */

import { text } from "../code_generation.ts";
import { cursor } from "../reader.ts";
import { Char, type Input, take, unexpected, wrong } from "./input.ts";
import { endsWithin, string } from "./strings.ts";

/** Most digits that a double always holds exactly. */
const EXACT_DIGITS = 15;
/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/**
 * Reads an integer of at most 15 digits without a fraction or exponent; NaN, with the cursor where it was, for another
 * value.
 */
export function plainInteger(b: Uint8Array, p: number): number {
  const negative = b[p] === Char.MINUS;
  const start = negative ? p + 1 : p;
  let at = start;
  let value = 0;
  for (; at < b.length; at++) {
    const digit = b[at] - 0x30;
    if (digit < 0 || digit > 9) break;
    if (at - start === EXACT_DIGITS) return NaN;
    value = value * 10 + digit;
  }
  const digits = at - start;
  const next = b[at];
  if (
    digits === 0 || (digits > 1 && b[start] === Char.ZERO) ||
    next === Char.DOT || (next | 0x20) === Char.E
  ) return NaN;
  cursor.at = at;
  return negative ? -value : value;
}

/** Returns the position after the number at `p` (RFC 8259 §6). Throws SyntaxError where its grammar is not kept. */
export function numberEnd(b: Uint8Array, p: number): number {
  if (b[p] === Char.MINUS) p++;
  p = b[p] === Char.ZERO ? p + 1 : digitsEnd(b, p);
  if (b[p] === Char.DOT) p = digitsEnd(b, p + 1);
  if ((b[p] | 0x20) === Char.E) {
    p++;
    if (b[p] === Char.PLUS || b[p] === Char.MINUS) p++;
    p = digitsEnd(b, p);
  }
  return p;
}

function digitsEnd(b: Uint8Array, p: number): number {
  const start = p;
  while (p < b.length && b[p] >= 0x30 && b[p] <= 0x39) p++;
  if (p === start) throw unexpected(b, p);
  return p;
}

const startsNumber = (c: number) => c === Char.MINUS || (c >= 0x30 && c <= 0x39);

/** Reads a number as a double; its value must be finite. */
export function double(b: Uint8Array, p: number, o: Input, name: string): number {
  const value = plainDecimal(b, p);
  return value === value ? value : longDouble(b, p, o, name);
}

/** Reads a number of at most 15 characters without an exponent; NaN, with the cursor where it was, for another value. */
function plainDecimal(b: Uint8Array, p: number): number {
  const negative = b[p] === Char.MINUS;
  const start = negative ? p + 1 : p;
  let at = start;
  let value = 0;
  let dot = -1;
  for (; at < b.length; at++) {
    if (at - start > EXACT_DIGITS) return NaN;
    const c = b[at];
    const digit = c - 0x30;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (c === Char.DOT && dot < 0 && at > start) dot = at;
    else break;
  }
  const digits = at - start;
  if (digits > EXACT_DIGITS) return NaN;
  const plain = digits > 0 && dot !== at - 1 &&
    (b[at] | 0x20) !== Char.E && (b[start] !== Char.ZERO || digits === 1 || dot === start + 1);
  if (!plain) return NaN;
  cursor.at = at;
  if (dot >= 0) value /= POWERS[at - dot - 1];
  return negative ? -value : value;
}

function longDouble(b: Uint8Array, p: number, o: Input, name: string): number {
  const end = numberEnd(b, p);
  take(o, 1);
  const value = Number(text(b, p, end - p));
  if (!Number.isFinite(value)) throw wrong(b, p, name, "in the range of a double");
  cursor.at = end;
  return value;
}

/**
 * Reads an integer, which may be in quotes, in any notation; undefined for other values. A value that takes a BigInt
 * counts as an element.
 */
export function wholeNumber(
  b: Uint8Array,
  p: number,
  o: Input,
  name: string,
): number | bigint | undefined {
  if (b[p] === Char.QUOTE) {
    const value = plainInteger(b, p + 1);
    if (value === value && b[cursor.at] === Char.QUOTE) {
      cursor.at++;
      return value;
    }
    take(o, 1);
    const long = plainLong(b, p + 1);
    if (long !== undefined && b[cursor.at] === Char.QUOTE) {
      cursor.at++;
      return long;
    }
    const digits = quotedDigits(b, p, o, name);
    return digits === undefined ? undefined : BigInt(digits);
  }
  if (!startsNumber(b[p])) return undefined;
  const value = plainInteger(b, p);
  if (value === value) return value;
  take(o, 1);
  const long = plainLong(b, p);
  if (long !== undefined) return long;
  const end = numberEnd(b, p);
  take(o, 1 + (end - p >> 4));
  const digits = wholeDigits(text(b, p, end - p));
  cursor.at = end;
  return digits === undefined ? undefined : BigInt(digits);
}

/** Digits of the lower half of a number that a double does not hold. */
const LOW_DIGITS = 9;
const LOW_UNIT = 1_000_000_000n;
const MAX_DIGITS = 20;

/**
 * Reads an integer of 16 to 20 digits without a fraction or exponent; undefined, with the cursor where it was, for
 * another value.
 */
function plainLong(b: Uint8Array, p: number): bigint | undefined {
  const negative = b[p] === Char.MINUS;
  const start = negative ? p + 1 : p;
  let end = start;
  while (end < b.length && b[end] >= 0x30 && b[end] <= 0x39) {
    if (++end - start > MAX_DIGITS) return undefined;
  }
  const next = b[end];
  if (
    end - start <= EXACT_DIGITS || b[start] === Char.ZERO || next === Char.DOT ||
    (next | 0x20) === Char.E
  ) return undefined;
  const high = BigInt(digitsOf(b, start, end - LOW_DIGITS));
  const value = high * LOW_UNIT + BigInt(digitsOf(b, end - LOW_DIGITS, end));
  cursor.at = end;
  return negative ? -value : value;
}

function digitsOf(b: Uint8Array, p: number, end: number): number {
  let value = 0;
  for (; p < end; p++) value = value * 10 + b[p] - 0x30;
  return value;
}

/** Longest number in quotes, in characters. */
const MAX_QUOTED = 1_024;
/** The same in bytes: a character may be an escape of six. */
const MAX_QUOTED_BYTES = 6 * MAX_QUOTED;
/** A number in quotes may have leading zeros. */
const QUOTED_NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const PLAIN_DIGITS = /^-?[1-9][0-9]{0,19}$/;

/** Returns the decimal digits of a whole number of at most 20 digits; undefined for other numbers. */
function wholeDigits(token: string): string | undefined {
  if (PLAIN_DIGITS.test(token)) return token;
  const [mantissa, exponent = "0"] = token.split(/[eE]/);
  const negative = mantissa.startsWith("-");
  const [whole, fraction = ""] = (negative ? mantissa.slice(1) : mantissa).split(".");
  let digits = whole + fraction;
  let first = 0;
  while (digits.charCodeAt(first) === 0x30) first++;
  let last = digits.length;
  while (last > first && digits.charCodeAt(last - 1) === 0x30) last--;
  if (first === last) return "0";
  const zeros = Number(exponent) - fraction.length + (digits.length - last);
  digits = digits.slice(first, last);
  if (zeros < 0 || digits.length + zeros > 20) return undefined;
  return (negative ? "-" : "") + digits + "0".repeat(zeros);
}

/** Returns the digits of the whole number in quotes at `p`, in any notation; undefined for other text. */
function quotedDigits(b: Uint8Array, p: number, o: Input, name: string): string | undefined {
  const text = shortText(b, p, name);
  take(o, 1 + (text.length >> 4));
  return QUOTED_NUMBER.test(text) ? wholeDigits(text) : undefined;
}

/** Returns the string at `p`, or no text if it is too long for a number. */
function shortText(b: Uint8Array, p: number, name: string): string {
  const text = endsWithin(b, p, MAX_QUOTED_BYTES) ? string(b, p, name) : "";
  return text.length <= MAX_QUOTED ? text : "";
}

/** Reads text that is a number for a field of type double or float; undefined for other text. */
export function quotedDouble(b: Uint8Array, p: number, o: Input, name: string): number | undefined {
  const plain = plainDecimal(b, p + 1);
  if (plain === plain && b[cursor.at] === Char.QUOTE) {
    cursor.at++;
    return plain;
  }
  take(o, 1);
  const text = shortText(b, p, name);
  switch (text) {
    case "NaN":
      return NaN;
    case "Infinity":
      return Infinity;
    case "-Infinity":
      return -Infinity;
  }
  if (!QUOTED_NUMBER.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}
