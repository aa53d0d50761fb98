/**
 * Huffman code of RFC 7541 appendix B. It is canonical: the codes of one length are consecutive numbers in the order of
 * their symbols, and follow those one bit shorter. So the lengths define the code.
 *
 * @module
 */

/** End-of-string symbol, which must not appear in text (RFC 7541 §5.2). */
export const END_OF_STRING = 256;

/** Length of the longest code, in bits. */
export const MAX_CODE_BITS = 30;

/** By octet: length of its code in bits. */
export const CODE_BITS = Uint8Array.of(
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
);

/** Symbols, `END_OF_STRING` included, in the order of their codes. */
export const SYMBOLS = new Uint16Array(257);

/** By octet: its code, in the low bits. */
export const CODES = new Uint32Array(256);

/** By code length: the last code of that length plus 1, left-aligned to 30 bits. */
export const WINDOW_LIMIT = new Float64Array(MAX_CODE_BITS + 1);

/** By code length: the number that, added to a code, gives the index of its symbol in `SYMBOLS`. */
export const SYMBOL_OFFSET = new Int32Array(MAX_CODE_BITS + 1);

/** Number of bits that index `SHORT`. */
export const SHORT_BITS = 10;

/**
 * By the next `SHORT_BITS` bits of input: code length << 8 | symbol of the code that they begin with; 0 for a longer
 * code.
 */
export const SHORT = new Uint16Array(1 << SHORT_BITS);

fillTables();

function fillTables(): void {
  let code = 0;
  let place = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
    code *= 2;
    SYMBOL_OFFSET[bits] = place - code;
    for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
      if ((symbol === END_OF_STRING ? MAX_CODE_BITS : CODE_BITS[symbol]) !== bits) continue;
      SYMBOLS[place++] = symbol;
      if (symbol !== END_OF_STRING) CODES[symbol] = code;
      if (bits <= SHORT_BITS) {
        const spare = SHORT_BITS - bits;
        SHORT.fill(bits << 8 | symbol, code << spare, (code + 1) << spare);
      }
      code++;
    }
    WINDOW_LIMIT[bits] = code * 2 ** (MAX_CODE_BITS - bits);
  }
}
