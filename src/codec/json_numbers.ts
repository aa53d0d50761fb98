/**
 * Finds the numbers in JSON text that a double may not hold exactly, and limits the structure of the JSON in the same
 * pass.
 *
 * @module
 */

/** A double preserves every decimal number of up to this many digits. */
const EXACT_DIGITS = 15;
/** A number with up to this many digits before its decimal point is finite as a double. */
const FINITE_DIGITS = 308;
/** Leading digits of the largest double, 1.7976931348623157e308. */
const LARGEST_LEAD = 1.7976931348623157;
/**
 * Bound on the error of a lead (the leading digits as a number from 1 to 10) that is computed from LEAD_DIGITS digits.
 */
const LEAD_ERROR = 1e-14;
const LEAD_DIGITS = 17;
/** Exponents are capped here: no text has as many digits. */
const MAX_EXPONENT = 1e9;
const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LOWER_E = 0x65;
// `{` and `[`, `}` and `]` differ in this bit only.
const CASE_BIT = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/**
 * Limits on the structure of JSON text, which can cost `JSON.parse` up to a hundred times as much as the bytes of the
 * text.
 */
export interface JsonLimits {
  /** Limit on the levels of objects and lists. Default: none. */
  readonly maxDepth?: number;
  /**
   * Limit on the number of objects, lists, members of objects, and numbers that {@link findLongNumbers} returns.
   * Default: none.
   */
  readonly maxElements?: number;
}

/** Thrown for JSON text that exceeds its {@link JsonLimits}. */
export class JsonLimitError extends RangeError {
  /** `JsonLimitError`. */
  override readonly name = "JsonLimitError";
}

/**
 * Returns the start and end positions, in turn, of numbers (outside of strings) that have more than 15 characters, or
 * whose exponent gives them more than 15 digits. `json` is UTF-8, valid JSON or not; each byte is read only a few
 * times. Throws RangeError for a number beyond the range of a double, and JsonLimitError beyond `limits`.
 */
export function findLongNumbers(json: Uint8Array, limits: JsonLimits = {}): Uint32Array {
  const { maxDepth = Infinity, maxElements = Infinity } = limits;
  let depth = 0;
  let elements = 0;
  let found = new Uint32Array(64);
  let count = 0;
  const { length } = json;
  for (let at = 0; at < length;) {
    const first = json[at];
    if (first === QUOTE) {
      at = afterString(json, at);
      continue;
    }
    if (!isDigit(first) && first !== MINUS) {
      at++;
      const bracket = first | CASE_BIT;
      if (bracket === OPENING && ++depth > maxDepth) throw tooDeep(maxDepth);
      if (bracket === CLOSING) depth--;
      if ((bracket === OPENING || first === COLON) && ++elements > maxElements) {
        throw tooMany(maxElements);
      }
      continue;
    }
    const start = at;
    let wholeEnd = -1;
    let exponentAt = -1;
    for (;;) {
      const char = json[++at];
      if ((char | 0x20) === LOWER_E) exponentAt = at;
      else if (char !== DOT && !isDigit(char) && char !== PLUS && char !== MINUS) break;
      if (wholeEnd < 0 && (char === DOT || exponentAt === at)) wholeEnd = at;
    }
    if (at - start <= EXACT_DIGITS && exponentAt < 0) continue;
    if (wholeEnd < 0) wholeEnd = at;
    const exponent = exponentAt < 0 ? 0 : exponentOf(json, exponentAt, at);
    const digits = wholeEnd - start + exponent;
    if (at - start <= EXACT_DIGITS && digits <= EXACT_DIGITS) continue;
    if (!isNumber(json, start, at) || isKey(json, at)) continue;
    if (digits > FINITE_DIGITS && isInfinite(json, start, at, wholeEnd, exponent)) {
      throw outOfRange(json, start, at);
    }
    if (++elements > maxElements) throw tooMany(maxElements);
    if (count === found.length) found = doubled(found);
    found[count++] = start;
    found[count++] = at;
  }
  return found.subarray(0, count);
}

function tooDeep(maxDepth: number): JsonLimitError {
  return new JsonLimitError(`objects and lists are nested more than ${maxDepth} levels deep`);
}

function tooMany(maxElements: number): JsonLimitError {
  return new JsonLimitError(
    `there are more than ${maxElements} objects, lists, members of objects and long numbers`,
  );
}

function doubled(list: Uint32Array): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(2 * list.length);
  longer.set(list);
  return longer;
}

function isDigit(char: number): boolean {
  return char >= ZERO && char <= NINE;
}

function afterString(json: Uint8Array, quote: number): number {
  const { length } = json;
  for (let at = quote + 1; at < length; at++) {
    const char = json[at];
    if (char === QUOTE) return at + 1;
    if (char === BACKSLASH) at++;
  }
  return length;
}

function exponentOf(json: Uint8Array, exponentAt: number, end: number): number {
  let at = exponentAt + 1;
  const sign = json[at];
  if (sign === MINUS || sign === PLUS) at++;
  let exponent = 0;
  for (; at < end && exponent < MAX_EXPONENT; at++) exponent = exponent * 10 + json[at] - ZERO;
  return sign === MINUS ? -exponent : exponent;
}

/** Whether the characters are a number by the grammar of JSON (RFC 8259 §6). */
function isNumber(json: Uint8Array, start: number, end: number): boolean {
  let at = json[start] === MINUS ? start + 1 : start;
  const whole = at;
  at = json[at] === ZERO ? at + 1 : afterDigits(json, at);
  if (at === whole) return false;
  if (json[at] === DOT) {
    const fraction = at + 1;
    at = afterDigits(json, fraction);
    if (at === fraction) return false;
  }
  if ((json[at] | 0x20) === LOWER_E) {
    const sign = json[at + 1];
    const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    at = afterDigits(json, exponent);
    if (at === exponent) return false;
  }
  return at === end;
}

function afterDigits(json: Uint8Array, at: number): number {
  while (isDigit(json[at])) at++;
  return at;
}

// A number in place of an object's key is a syntax error, which a placeholder string would hide.
function isKey(json: Uint8Array, end: number): boolean {
  while (json[end] <= 0x20) end++;
  return json[end] === COLON;
}

/** Whether a number is infinite as a double; decided by its first digits where these suffice. */
function isInfinite(
  json: Uint8Array,
  start: number,
  end: number,
  wholeEnd: number,
  exponent: number,
): boolean {
  let first = json[start] === MINUS ? start + 1 : start;
  while (json[first] === ZERO || json[first] === DOT) first++;
  if (!isDigit(json[first])) return false;
  // Number of digits before the decimal point, written without an exponent.
  const digits = exponent + wholeEnd - first + (first > wholeEnd ? 1 : 0);
  if (digits !== FINITE_DIGITS + 1) return digits > FINITE_DIGITS;
  let lead = 0;
  let scale = 1;
  for (let at = first, left = LEAD_DIGITS; left > 0; at++) {
    if (json[at] === DOT) continue;
    if (!isDigit(json[at])) break;
    lead += (json[at] - ZERO) * scale;
    scale /= 10;
    left--;
  }
  if (Math.abs(lead - LARGEST_LEAD) > LEAD_ERROR) return lead > LARGEST_LEAD;
  return !Number.isFinite(Number(new TextDecoder().decode(json.subarray(start, end))));
}

function outOfRange(json: Uint8Array, start: number, end: number): RangeError {
  const decoder = new TextDecoder();
  const token = decoder.decode(json.subarray(start, Math.min(end, start + 40)));
  const position = decoder.decode(json.subarray(0, start)).length;
  const rest = end - start > 40 ? "…" : "";
  return new RangeError(`${token}${rest} at position ${position} is out of range`);
}
