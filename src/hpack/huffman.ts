/**
 * Huffman coding of header text (RFC 7541 §5.2 and appendix B).
 *
 * @module
 */

import {
  CODE_BITS,
  CODES,
  END_OF_STRING,
  MAX_CODE_BITS,
  SHORT,
  SHORT_BITS,
  SYMBOL_OFFSET,
  SYMBOLS,
  WINDOW_LIMIT,
} from "./huffman_table.ts";

/** Result of {@link decodeHuffman}: the padding is longer than 7 bits, or not all ones (RFC 7541 §5.2). */
export const BAD_PADDING = -1;

/** Result of {@link decodeHuffman}: the text contains the end-of-string symbol (RFC 7541 §5.2). */
export const EOS_INSIDE = -2;

/** Maximum number of octets that `count` octets can decode to: the shortest code has 5 bits. */
export function maxDecodedBytes(count: number): number {
  return Math.floor(count * 8 / 5);
}

/**
 * Decodes `bytes[start..end)` into `out`, which must have room for `maxDecodedBytes(end - start)`. Returns the number
 * of decoded octets, {@link BAD_PADDING} or {@link EOS_INSIDE}.
 */
export function decodeHuffman(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
): number {
  let length = 0;
  let bits = 0; // the low `count` bits are the next ones
  let count = 0;
  for (;;) {
    while (count <= 24 && start < end) {
      bits = bits << 8 | bytes[start++];
      count += 8;
    }
    // No code of at most 7 bits is all ones, so remaining bits that are all ones are padding.
    if (start >= end && count <= 7 && (bits & (1 << count) - 1) === (1 << count) - 1) return length;
    // Missing bits at the end of the input are read as ones, like padding, so that no code matches them.
    const missing = SHORT_BITS - count;
    const entry = missing <= 0
      ? SHORT[bits >>> -missing & (1 << SHORT_BITS) - 1]
      : SHORT[(bits << missing | (1 << missing) - 1) & (1 << SHORT_BITS) - 1];
    if (entry !== 0) {
      if (entry >> 8 > count) return BAD_PADDING;
      count -= entry >> 8;
      out[length++] = entry;
      continue;
    }
    const next = start < end ? bytes[start] : 0xff;
    const window = windowOf(bits, count, next);
    let codeBits = SHORT_BITS + 1;
    while (window >= WINDOW_LIMIT[codeBits]) codeBits++;
    if (codeBits > count + (end - start) * 8) return BAD_PADDING;
    const symbol = SYMBOLS[SYMBOL_OFFSET[codeBits] + (window >>> MAX_CODE_BITS - codeBits)];
    if (symbol === END_OF_STRING) return EOS_INSIDE;
    out[length++] = symbol;
    if (codeBits > count) {
      bits = bits << 8 | next;
      count += 8;
      start++;
    }
    count -= codeBits;
  }
}

// Returns the next 30 bits; `next` is the octet after those in `bits`. With `count` below 22 the input ends, and ones
// follow.
function windowOf(bits: number, count: number, next: number): number {
  const missing = MAX_CODE_BITS - count;
  if (missing <= 0) return bits >>> -missing & 0x3fffffff;
  const tail = missing <= 8 ? next >>> 8 - missing : (1 << missing) - 1;
  return (bits << missing | tail) & 0x3fffffff;
}

/**
 * Length of Huffman-coded `text` in octets. Throws TypeError for text that is not Latin-1.
 */
export function huffmanBytes(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i);
    if (octet > 255) {
      throw new TypeError(
        `Cannot encode character U+${octet.toString(16).padStart(4, "0")} of a header field: ` +
          "only U+0000 to U+00FF are allowed",
      );
    }
    bits += CODE_BITS[octet];
  }
  return bits + 7 >>> 3;
}

/** Writes Latin-1 `text` into `out` at `position`; returns the position after it. */
export function encodeHuffman(text: string, out: Uint8Array, position: number): number {
  let bits = 0; // the low `count` bits (fewer than 8) are not written yet
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i);
    let code = CODES[octet];
    let codeBits = CODE_BITS[octet];
    if (codeBits > 24) {
      // 7 pending bits and a code of 30 exceed 32, so the first bits of a long code are written separately.
      codeBits -= 8;
      out[position++] = (bits << 8 | code >>> codeBits) >>> count;
      bits = code >>> codeBits;
      code &= (1 << codeBits) - 1;
    }
    bits = bits << codeBits | code;
    count += codeBits;
    while (count >= 8) {
      count -= 8;
      out[position++] = bits >>> count;
    }
  }
  if (count > 0) out[position++] = bits << 8 - count | 0xff >>> count;
  return position;
}
