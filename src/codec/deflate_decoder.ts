/**
 * Decoder of DEFLATE (RFC 1951) whose work is bounded by the number of blocks.
 *
 * node:zlib takes 13 µs to begin a block with codes of its own, which may be 12 bytes long and contain nothing: 5 s for
 * 4 MiB of them.
 *
 * @module
 */

import { mostBlocks } from "./inflate.ts";

/** How a decoder has stopped. */
export type DeflateEnd =
  /** After the last block. */
  | "end"
  /** The data is invalid or incomplete. */
  | "corrupt"
  /** The data contains more than fits into the output. */
  | "full"
  /** The blocks are too many for what they contain. */
  | "blocks";

// Codes up to this length, in bits, are decoded by a table, longer ones bit by bit.
const TABLE_BITS = 10;
const TABLE_MASK = (1 << TABLE_BITS) - 1;
const MAX_BITS = 15;
const END_OF_BLOCK = 256;
const MAX_LENGTH_CODES = 286;
const MAX_DISTANCE_CODES = 30;
// Order of the lengths of the codes for code lengths (RFC 1951 §3.2.7).
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
// Symbols for repeated code lengths: base and extra bits of the count.
const REPEATS = [[3, 2], [3, 3], [11, 7]] as const;
// Base and extra bits by symbol (RFC 1951 §3.2.5).
const LENGTH_EXTRA = Uint8Array.from(
  { length: 29 },
  (_, i) => i < 8 || i === 28 ? 0 : (i >> 2) - 1,
);
const LENGTH_BASE = Uint16Array.from({ length: 29 }, (_, i) => {
  if (i === 28) return 258;
  return i < 8 ? 3 + i : 3 + (4 + (i & 3) << (i >> 2) - 1);
});
const DISTANCE_EXTRA = Uint8Array.from({ length: 30 }, (_, i) => i < 4 ? 0 : (i >> 1) - 1);
const DISTANCE_BASE = Uint16Array.from(
  { length: 30 },
  (_, i) => i < 4 ? 1 + i : 1 + (2 + (i & 1) << (i >> 1) - 1),
);

/** Canonical Huffman code (RFC 1951 §3.2.2). */
class HuffmanCode {
  /** By the next bits: symbol in the upper twelve bits, length of its code in the lower four; 0 for longer codes. */
  readonly table = new Uint16Array(1 << TABLE_BITS);
  /** Number of codes by length. */
  readonly counts = new Uint16Array(MAX_BITS + 1);
  /** Symbols in the order of their codes. */
  readonly symbols: Uint16Array;
  readonly #next = new Uint16Array(MAX_BITS + 1);

  constructor(maxSymbols: number) {
    this.symbols = new Uint16Array(maxSymbols);
  }

  /** Builds the code from `lengths[start..start+count)`. Returns false if these are no code that zlib accepts. */
  build(lengths: Uint8Array, start: number, count: number, mayBeIncomplete: boolean): boolean {
    const { counts, symbols, table } = this;
    counts.fill(0);
    for (let i = 0; i < count; i++) counts[lengths[start + i]]++;
    const used = count - counts[0];
    counts[0] = 0;
    let left = 1;
    for (let bits = 1; bits <= MAX_BITS; bits++) {
      left = (left << 1) - counts[bits];
      if (left < 0) return false;
    }
    if (left > 0 && !(mayBeIncomplete && (used === 0 || used === 1 && counts[1] === 1))) {
      return false;
    }
    const next = this.#next;
    next[1] = 0;
    for (let bits = 1; bits < MAX_BITS; bits++) next[bits + 1] = next[bits] + counts[bits];
    for (let i = 0; i < count; i++) {
      const bits = lengths[start + i];
      if (bits !== 0) symbols[next[bits]++] = i;
    }
    table.fill(0);
    for (let bits = 1, code = 0, at = 0; bits <= TABLE_BITS; bits++, code <<= 1) {
      for (let i = counts[bits]; i > 0; i--, code++, at++) {
        const entry = symbols[at] << 4 | bits;
        for (let k = reversed(code, bits); k <= TABLE_MASK; k += 1 << bits) table[k] = entry;
      }
    }
    return true;
  }
}

/** Codes of a block. */
interface Codes {
  readonly literals: HuffmanCode;
  readonly distances: HuffmanCode;
}

function newCodes(): Codes {
  return {
    literals: new HuffmanCode(MAX_LENGTH_CODES + 2),
    distances: new HuffmanCode(MAX_DISTANCE_CODES + 2),
  };
}

/** Fixed codes (RFC 1951 §3.2.6), built at their first use and shared by all decoders. */
let fixedCodes: Codes | undefined;

function buildFixedCodes(): Codes {
  const codes = newCodes();
  const lengths = new Uint8Array(320).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280);
  lengths.fill(8, 280, 288).fill(5, 288);
  codes.literals.build(lengths, 0, 288, false);
  codes.distances.build(lengths, 288, 32, false);
  return codes;
}

/** Reverses the lowest `count` bits: codes begin with their highest bit, other values with their lowest. */
function reversed(value: number, count: number): number {
  let result = 0;
  for (let i = 0; i < count; i++) result = result << 1 | value >> i & 1;
  return result;
}

/** Decodes data from `input` into `output`. */
export class DeflateDecoder {
  /** Position after what was read. */
  inputAt: number;
  /** Position after what was written. */
  outputAt = 0;
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  #bits = 0;
  #bitCount = 0;
  #blocks = 0;
  readonly #lengths = new Uint8Array(MAX_LENGTH_CODES + MAX_DISTANCE_CODES + 2);
  readonly #ownCodes = newCodes();
  /** Codes of the current block. */
  #codes = this.#ownCodes;

  /** Begins to read `input` at `start`. */
  constructor(input: Uint8Array, start: number, output: Uint8Array) {
    this.#input = input;
    this.#output = output;
    this.inputAt = start;
  }

  /** Decodes up to the end of the last block; distances do not reach before `outputAt` as it is now. */
  decode(): DeflateEnd {
    const start = this.outputAt;
    this.#bits = this.#bitCount = 0;
    for (;;) {
      if (++this.#blocks > mostBlocks(this.outputAt)) return "blocks";
      const header = this.#take(3);
      if (header < 0) return "corrupt";
      const end = this.#decodeBlock(header >> 1, start);
      if (end !== "end") return end;
      if ((header & 1) !== 0) break;
    }
    // Whole octets that were read ahead.
    this.inputAt -= this.#bitCount >> 3;
    return "end";
  }

  #decodeBlock(type: number, start: number): DeflateEnd {
    switch (type) {
      case 0:
        return this.#copyStored();
      case 1:
        this.#codes = fixedCodes ??= buildFixedCodes();
        return this.#decodeSymbols(start);
      case 2:
        this.#codes = this.#ownCodes;
        return this.#readCodes() ? this.#decodeSymbols(start) : "corrupt";
      default:
        return "corrupt";
    }
  }

  /** Reads up to 16 bits; -1 if they are missing. */
  #take(count: number): number {
    while (this.#bitCount < count) {
      if (this.inputAt >= this.#input.length) return -1;
      this.#bits |= this.#input[this.inputAt++] << this.#bitCount;
      this.#bitCount += 8;
    }
    const value = this.#bits & (1 << count) - 1;
    this.#bits >>>= count;
    this.#bitCount -= count;
    return value;
  }

  #copyStored(): DeflateEnd {
    this.inputAt -= this.#bitCount >> 3;
    this.#bits = this.#bitCount = 0;
    const length = this.#take(16);
    if (length < 0 || this.#take(16) !== (length ^ 0xffff)) return "corrupt";
    const end = this.inputAt + length;
    if (end > this.#input.length) return "corrupt";
    if (this.outputAt + length > this.#output.length) return "full";
    this.#output.set(this.#input.subarray(this.inputAt, end), this.outputAt);
    this.inputAt = end;
    this.outputAt += length;
    return "end";
  }

  /** RFC 1951 §3.2.7. */
  #readCodes(): boolean {
    const sizes = this.#take(14);
    if (sizes < 0) return false;
    const lengthCodes = 257 + (sizes & 31);
    const distanceCodes = 1 + (sizes >> 5 & 31);
    if (lengthCodes > MAX_LENGTH_CODES || distanceCodes > MAX_DISTANCE_CODES) return false;
    const lengths = this.#lengths.fill(0);
    for (let i = 0; i < 4 + (sizes >> 10); i++) {
      const length = this.#take(3);
      if (length < 0) return false;
      lengths[ORDER[i]] = length;
    }
    const { literals: code, distances } = this.#ownCodes;
    if (!code.build(lengths, 0, ORDER.length, false)) return false;
    if (!this.#readLengths(code, lengthCodes + distanceCodes)) return false;
    return lengths[END_OF_BLOCK] !== 0 && code.build(lengths, 0, lengthCodes, true) &&
      distances.build(lengths, lengthCodes, distanceCodes, true);
  }

  #readLengths(code: HuffmanCode, count: number): boolean {
    const lengths = this.#lengths;
    for (let i = 0; i < count;) {
      const symbol = this.#symbol(code);
      if (symbol < 0) return false;
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      const [base, extra] = REPEATS[symbol - 16];
      const more = this.#take(extra);
      if (more < 0 || i + base + more > count || symbol === 16 && i === 0) return false;
      lengths.fill(symbol === 16 ? lengths[i - 1] : 0, i, i + base + more);
      i += base + more;
    }
    return true;
  }

  /** Reads one symbol; -1 if its code is missing or incomplete. */
  #symbol(code: HuffmanCode): number {
    const input = this.#input;
    while (this.#bitCount < MAX_BITS && this.inputAt < input.length) {
      this.#bits |= input[this.inputAt++] << this.#bitCount;
      this.#bitCount += 8;
    }
    const entry = code.table[this.#bits & TABLE_MASK];
    const bits = entry & 15;
    if (bits === 0) return this.#longSymbol(code);
    if (bits > this.#bitCount) return -1;
    this.#bits >>>= bits;
    this.#bitCount -= bits;
    return entry >> 4;
  }

  #longSymbol({ counts, symbols }: HuffmanCode): number {
    const most = Math.min(MAX_BITS, this.#bitCount);
    for (let bits = 1, value = 0, first = 0, at = 0; bits <= most; bits++) {
      value |= this.#bits >> bits - 1 & 1;
      if (value - first < counts[bits]) {
        this.#bits >>>= bits;
        this.#bitCount -= bits;
        return symbols[at + value - first];
      }
      at += counts[bits];
      first = first + counts[bits] << 1;
      value <<= 1;
    }
    return -1;
  }

  #decodeSymbols(start: number): DeflateEnd {
    const input = this.#input;
    const output = this.#output;
    const { literals } = this.#codes;
    const { table } = literals;
    const outputEnd = output.length;
    // A symbol and its extra bits take at most 48 bits: three reads of 16.
    const lastAt = input.length - 8;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    let inputAt = this.inputAt;
    let outputAt = this.outputAt;
    for (;;) {
      if (bitCount < MAX_BITS) {
        if (inputAt > lastAt) {
          this.#store(bits, bitCount, inputAt, outputAt);
          return this.#decodeLastSymbols(start);
        }
        bits |= (input[inputAt] | input[inputAt + 1] << 8) << bitCount;
        inputAt += 2;
        bitCount += 16;
      }
      const entry = table[bits & TABLE_MASK];
      let symbol = entry >> 4;
      if (entry !== 0) {
        bits >>>= entry & 15;
        bitCount -= entry & 15;
      } else {
        this.#store(bits, bitCount, inputAt, outputAt);
        symbol = this.#longSymbol(literals);
        if (symbol < 0) return "corrupt";
        bits = this.#bits;
        bitCount = this.#bitCount;
      }
      if (symbol < END_OF_BLOCK) {
        if (outputAt === outputEnd) return "full";
        output[outputAt++] = symbol;
        continue;
      }
      this.#store(bits, bitCount, inputAt, outputAt);
      if (symbol === END_OF_BLOCK) return "end";
      const end = this.#copyMatch(symbol - END_OF_BLOCK - 1, start);
      if (end !== "end") return end;
      bits = this.#bits;
      bitCount = this.#bitCount;
      inputAt = this.inputAt;
      outputAt = this.outputAt;
    }
  }

  #store(bits: number, bitCount: number, inputAt: number, outputAt: number): void {
    this.#bits = bits;
    this.#bitCount = bitCount;
    this.inputAt = inputAt;
    this.outputAt = outputAt;
  }

  /** Decodes symbols near the end of the input. */
  #decodeLastSymbols(start: number): DeflateEnd {
    const output = this.#output;
    for (;;) {
      const symbol = this.#symbol(this.#codes.literals);
      if (symbol < 0) return "corrupt";
      if (symbol === END_OF_BLOCK) return "end";
      if (symbol < END_OF_BLOCK) {
        if (this.outputAt === output.length) return "full";
        output[this.outputAt++] = symbol;
        continue;
      }
      const end = this.#copyMatch(symbol - END_OF_BLOCK - 1, start);
      if (end !== "end") return end;
    }
  }

  /** Reads the rest of a match and copies it. */
  #copyMatch(lengthSymbol: number, start: number): DeflateEnd {
    if (lengthSymbol >= LENGTH_BASE.length) return "corrupt";
    const more = this.#take(LENGTH_EXTRA[lengthSymbol]);
    const symbol = this.#symbol(this.#codes.distances);
    if (more < 0 || symbol < 0 || symbol >= MAX_DISTANCE_CODES) return "corrupt";
    const further = this.#take(DISTANCE_EXTRA[symbol]);
    const length = LENGTH_BASE[lengthSymbol] + more;
    const distance = DISTANCE_BASE[symbol] + further;
    const output = this.#output;
    let at = this.outputAt;
    if (further < 0 || distance > at - start) return "corrupt";
    const end = at + length;
    if (end > output.length) return "full";
    this.outputAt = end;
    if (length > 64 && distance >= length) {
      output.copyWithin(at, at - distance, at - distance + length);
    } else if (length > 64 && distance === 1) output.fill(output[at - 1], at, end);
    else for (; at < end; at++) output[at] = output[at - distance];
    return "end";
  }
}
