/**
 * Reads numbers of JSON exactly: integers by their digits, which a double may not hold.
 *
 * @module
 */

import { text } from "../code_generation.ts";
import { cursor } from "../reader.ts";
import { Char, type Input, take, unexpected, wrong } from "./input.ts";
import { string } from "./strings.ts";

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
  for (let digit = b[at] - 0x30; digit >= 0 && digit <= 9; digit = b[++at] - 0x30) {
    value = value * 10 + digit;
  }
  const digits = at - start;
  const next = b[at];
  if (
    digits === 0 || digits > EXACT_DIGITS || (digits > 1 && b[start] === Char.ZERO) ||
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
  while (b[p] >= 0x30 && b[p] <= 0x39) p++;
  if (p === start) throw unexpected(b, p);
  return p;
}

const startsNumber = (c: number) => c === Char.MINUS || (c >= 0x30 && c <= 0x39);

/** Reads a number as a double; its value must be finite. */
export function double(b: Uint8Array, p: number, o: Input, name: string): number {
  const negative = b[p] === Char.MINUS;
  const start = negative ? p + 1 : p;
  let at = start;
  let value = 0;
  let dot = -1;
  for (;; at++) {
    const c = b[at];
    const digit = c - 0x30;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (c === Char.DOT && dot < 0 && at > start) dot = at;
    else break;
  }
  const digits = at - start;
  const plain = digits > 0 && digits <= EXACT_DIGITS && dot !== at - 1 &&
    (b[at] | 0x20) !== Char.E && (b[start] !== Char.ZERO || digits === 1 || dot === start + 1);
  if (!plain) return longDouble(b, p, o, name);
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
    const token = string(b, p, name);
    const digits = quotedDigits(token);
    if (digits === undefined) return undefined;
    take(o, 1);
    return BigInt(digits);
  }
  if (!startsNumber(b[p])) return undefined;
  const value = plainInteger(b, p);
  if (value === value) return value;
  const end = numberEnd(b, p);
  take(o, 1);
  const digits = wholeDigits(text(b, p, end - p));
  cursor.at = end;
  return digits === undefined ? undefined : BigInt(digits);
}

/** Longest number in quotes, in characters. */
const MAX_QUOTED = 1_024;
/** A number in quotes may have leading zeros. */
const QUOTED_NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const PLAIN_DIGITS = /^-?[1-9][0-9]{0,19}$/;

/** Returns the decimal digits of a whole number of at most 20 digits; undefined for other numbers. */
export function wholeDigits(token: string): string | undefined {
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

/** Returns the digits of a whole number in quotes, in any notation; undefined for other text. */
export function quotedDigits(text: string): string | undefined {
  return text.length <= MAX_QUOTED && QUOTED_NUMBER.test(text) ? wholeDigits(text) : undefined;
}

/** Reads text that is a number for a field of type double or float; undefined for other text. */
export function quotedDouble(value: string): number | undefined {
  switch (value) {
    case "NaN":
      return NaN;
    case "Infinity":
      return Infinity;
    case "-Infinity":
      return -Infinity;
  }
  if (value.length > MAX_QUOTED || !QUOTED_NUMBER.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}
