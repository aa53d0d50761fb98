/**
 * Base64 (RFC 4648) in bytes of text. The runtime's decoder throws an exception for each text that is wrong or of the
 * other alphabet, which takes 10 µs.
 *
 * @module
 */

/** What a character stands for that is not one of the 64 digits. */
const Other = { WRONG: -1, PAD: -2, WHITE: -3 } as const;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function tableOf(digits: string, others: Readonly<Record<string, number>>): Int8Array {
  const table = new Int8Array(256).fill(Other.WRONG);
  for (let i = 0; i < digits.length; i++) table[digits.charCodeAt(i)] = i;
  for (const [char, value] of Object.entries(others)) table[char.charCodeAt(0)] = value;
  return table;
}

const DIGIT_CODES = new TextEncoder().encode(`${DIGITS}+/`);
const PAD = "=".charCodeAt(0);

const WHITE = Object.fromEntries([..."\t\n\f\r "].map((char) => [char, Other.WHITE]));
const ANY = tableOf(`${DIGITS}+/`, { "-": 62, "_": 63, "=": Other.PAD, ...WHITE });
const STANDARD = tableOf(`${DIGITS}+/`, { "=": Other.PAD });

/**
 * Decodes the base64 from `p` to `end` in `b`, in either alphabet (RFC 4648 §4, §5), with padding anywhere or without,
 * and with white space. Returns undefined for text that is not base64.
 */
export function decodeBase64(
  b: Uint8Array,
  p: number,
  end: number,
): Uint8Array<ArrayBuffer> | undefined {
  let chars = end - p;
  for (let i = 0; i < 2 && chars > 0 && ANY[b[p + chars - 1]] === Other.PAD; i++) chars--;
  const bytes = new Uint8Array(chars * 3 >> 2);
  let to = 0;
  let bits = 0;
  let held = 0;
  // A group with other characters than digits is not tried as a whole again.
  let tryFrom = p;
  while (p < end) {
    if (held === 0 && p >= tryFrom && p + 4 <= end) {
      tryFrom = p + 4;
      const group = groupOf(ANY, b, p);
      if (group >= 0) {
        bytes[to++] = group >> 16;
        bytes[to++] = group >> 8;
        bytes[to++] = group;
        p += 4;
        continue;
      }
    }
    const digit = ANY[b[p++]];
    if (digit >= 0) {
      bits = bits << 6 | digit;
      if (++held < 4) continue;
    } else if (digit === Other.WRONG) return undefined;
    else if (digit === Other.WHITE) {
      while (p < end && ANY[b[p]] === Other.WHITE) p++;
      tryFrom = p;
      continue;
    } else tryFrom = p;
    to = flush(bytes, to, bits, held);
    held = 0;
  }
  if (held === 1) return undefined;
  to = flush(bytes, to, bits, held);
  return to === bytes.length ? bytes : bytes.slice(0, to);
}

/**
 * Encodes `bytes` (RFC 4648 §4, with padding) to `b` at `p`; returns the position after it, which may be beyond `b`: what
 * does not fit is lost. For short bytes: `toBase64` is faster for long ones.
 */
export function encodeBase64(b: Uint8Array, p: number, bytes: Uint8Array): number {
  const { length } = bytes;
  const whole = length - length % 3;
  let i = 0;
  for (; i < whole; i += 3, p += 4) {
    const group = bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2];
    b[p] = DIGIT_CODES[group >> 18];
    b[p + 1] = DIGIT_CODES[group >> 12 & 63];
    b[p + 2] = DIGIT_CODES[group >> 6 & 63];
    b[p + 3] = DIGIT_CODES[group & 63];
  }
  if (i === length) return p;
  const two = i + 1 < length;
  const group = bytes[i] << 16 | (two ? bytes[i + 1] << 8 : 0);
  b[p] = DIGIT_CODES[group >> 18];
  b[p + 1] = DIGIT_CODES[group >> 12 & 63];
  b[p + 2] = two ? DIGIT_CODES[group >> 6 & 63] : PAD;
  b[p + 3] = PAD;
  return p + 4;
}

/** Returns the 24 bits of four digits; a negative number if one is none. */
function groupOf(table: Int8Array, b: Uint8Array, p: number): number {
  return table[b[p]] << 18 | table[b[p + 1]] << 12 | table[b[p + 2]] << 6 | table[b[p + 3]];
}

/** Writes the bytes of up to four digits, the last six bits of which are the last digit. */
function flush(bytes: Uint8Array, to: number, bits: number, digits: number): number {
  const whole = digits * 6 >> 3;
  bits >>= digits * 6 - whole * 8;
  for (let i = whole - 1; i >= 0; i--, bits >>= 8) bytes[to + i] = bits;
  return to + whole;
}

/**
 * Decodes the group of four characters at `p` in `b` to `to` in `bytes`. A group is padded if it has less than three
 * bytes, and its unused bits are zero (RFC 4648 §3.5, §4). Returns the number of bytes; 0 if it is not such a group.
 */
export function decodeBase64Group(
  b: Uint8Array,
  p: number,
  bytes: Uint8Array,
  to: number,
): number {
  const group = groupOf(STANDARD, b, p);
  if (group >= 0) {
    bytes[to] = group >> 16;
    bytes[to + 1] = group >> 8;
    bytes[to + 2] = group;
    return 3;
  }
  const first = STANDARD[b[p]] << 6 | STANDARD[b[p + 1]];
  if (first < 0 || STANDARD[b[p + 3]] !== Other.PAD) return 0;
  const third = STANDARD[b[p + 2]];
  bytes[to] = first >> 4;
  if (third === Other.PAD) return (first & 15) === 0 ? 1 : 0;
  if (third < 0 || (third & 3) !== 0) return 0;
  bytes[to + 1] = first << 4 | third >> 2;
  return 2;
}
