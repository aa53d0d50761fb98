/**
 * Blocks of Snappy (format_description.txt of google/snappy): a length as a varint, then literals and copies of earlier
 * octets. Written here, because the package snappyjs takes a start 30 ms, most of it for the loader of CommonJS.
 *
 * @module
 */

/** Largest block, in bytes: positions in it have 16 bits. */
export const MAX_BLOCK_BYTES = 65_536;

/** Kind of an element: the lower two bits of its tag. */
const Element = { LITERAL: 0, COPY_1: 1, COPY_2: 2, COPY_4: 3 } as const;

// Literals up to this length have it in the tag; beyond, the tag says how many octets it takes.
const MAX_SHORT_LITERAL = 60;
// Octets that a loop copies faster than a call of `set`.
const LOOP_BYTES = 16;
const MIN_MATCH = 4;
// Matches begin at least this far from the end, as in google/snappy.
const MARGIN_BYTES = 15;
const HASH_BITS = 14;
const HASH_FACTOR = 0x1e35a7bd;

/** Latest position of each hash, of the block that is being compressed. */
const positions = new Uint16Array(1 << HASH_BITS);

/** Compresses up to {@link MAX_BLOCK_BYTES}. */
export function compressBlock(input: Uint8Array): Uint8Array {
  const writer = new BlockWriter(input);
  const last = input.length - MARGIN_BYTES;
  // Fewer hashes for a short block, because all of them are cleared.
  const bits = Math.min(HASH_BITS, Math.max(8, 32 - Math.clz32(input.length)));
  positions.fill(0, 0, 1 << bits);
  let literalStart = 0;
  for (let at = 1, misses = 32; at <= last;) {
    const octets = uint32(input, at);
    const hash = Math.imul(octets, HASH_FACTOR) >>> 32 - bits;
    const earlier = positions[hash];
    positions[hash] = at;
    if (uint32(input, earlier) !== octets) {
      // Ever longer steps through data without repetitions.
      at += misses++ >>> 5;
      continue;
    }
    let length = MIN_MATCH;
    while (at + length < input.length && input[earlier + length] === input[at + length]) length++;
    writer.literal(literalStart, at);
    writer.copy(at - earlier, length);
    at += length;
    literalStart = at;
    misses = 32;
  }
  writer.literal(literalStart, input.length);
  return writer.finish();
}

/** Writes the elements of a block. */
class BlockWriter {
  readonly #input: Uint8Array;
  readonly #output: Uint8Array;
  #at = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
    // The bound of google/snappy: a copy takes no more than its octets, a literal one octet in 60 more.
    this.#output = new Uint8Array(32 + input.length + Math.floor(input.length / 6));
    let length = input.length;
    for (; length > 0x7f; length >>>= 7) this.#output[this.#at++] = length & 0x7f | 0x80;
    this.#output[this.#at++] = length;
  }

  /** Writes `input[start..end)`. */
  literal(start: number, end: number): void {
    const output = this.#output;
    const length = end - start;
    if (length === 0) return;
    if (length <= MAX_SHORT_LITERAL) output[this.#at++] = length - 1 << 2;
    else {
      const long = length > 256;
      output[this.#at++] = MAX_SHORT_LITERAL + (long ? 1 : 0) << 2;
      output[this.#at++] = length - 1 & 0xff;
      if (long) output[this.#at++] = length - 1 >>> 8;
    }
    copyOctets(this.#input, start, output, this.#at, length);
    this.#at += length;
  }

  /** Writes a reference to `length` octets, 4 or more, that stand `offset` before. */
  copy(offset: number, length: number): void {
    // What is left after copies of 64 is at least 4, the least that the short form can have.
    for (; length >= 68; length -= 64) this.#copy2(offset, 64);
    if (length > 64) {
      this.#copy2(offset, 60);
      length -= 60;
    }
    if (length >= 12 || offset >= 2048) return this.#copy2(offset, length);
    this.#output[this.#at++] = Element.COPY_1 | length - 4 << 2 | offset >>> 8 << 5;
    this.#output[this.#at++] = offset & 0xff;
  }

  #copy2(offset: number, length: number): void {
    this.#output[this.#at++] = Element.COPY_2 | length - 1 << 2;
    this.#output[this.#at++] = offset & 0xff;
    this.#output[this.#at++] = offset >>> 8;
  }

  finish(): Uint8Array {
    return this.#output.subarray(0, this.#at);
  }
}

/**
 * Inflates a block whose length, the varint in front, is `bytes`. Returns undefined if the block is corrupt. Makes no
 * more than `bytes` octets, whatever the block contains.
 */
export function inflateBlock(block: Uint8Array, bytes: number): Uint8Array | undefined {
  const output = new Uint8Array(bytes);
  let from = block.findIndex((octet) => octet < 0x80) + 1;
  let to = 0;
  while (from < block.length) {
    const tag = block[from++];
    const kind = tag & 3;
    let length = (tag >> 2) + 1;
    if (kind === Element.LITERAL) {
      if (length > MAX_SHORT_LITERAL) {
        const octets = length - MAX_SHORT_LITERAL;
        length = littleEndian(block, from, octets) + 1;
        from += octets;
      }
      if (length > block.length - from || length > bytes - to) return undefined;
      copyOctets(block, from, output, to, length);
      from += length;
    } else {
      let offset: number;
      if (kind === Element.COPY_1) {
        length = (tag >> 2 & 7) + 4;
        offset = tag >> 5 << 8 | block[from++];
      } else {
        const octets = kind === Element.COPY_2 ? 2 : 4;
        offset = littleEndian(block, from, octets);
        from += octets;
      }
      if (from > block.length || offset === 0 || offset > to || length > bytes - to) {
        return undefined;
      }
      repeat(output, to, offset, length);
    }
    to += length;
  }
  return to === bytes ? output : undefined;
}

/** Appends at `to` the octets from `offset` before it on; those that it appends count, too. */
function repeat(output: Uint8Array, to: number, offset: number, length: number): void {
  const end = to + length;
  if (offset >= length && length > LOOP_BYTES) {
    output.copyWithin(to, to - offset, end - offset);
  } else for (; to < end; to++) output[to] = output[to - offset];
}

function copyOctets(
  from: Uint8Array,
  start: number,
  to: Uint8Array,
  at: number,
  length: number,
): void {
  if (length > LOOP_BYTES) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i];
}

function uint32(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
}

/** Little-endian number of 1 to 4 bytes; octets beyond the end count as 0. */
function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value |= bytes[at + i] << 8 * i;
  return value >>> 0;
}
