/**
 * The hash function XXH64 over strings, in halves of 32 bits: gRPC's clients agree on it for ring_hash and subsetting.
 * Source: xxHash fast digest algorithm, version 0.1.1.
 *
 * @module
 */

// The primes of XXH64, high and low half.
const P1H = 0x9e3779b1, P1L = 0x85ebca87;
const P2H = 0xc2b2ae3d, P2L = 0x27d4eb4f;
const P3H = 0x165667b1, P3L = 0x9e3779f9;
const P4H = 0x85ebca77, P4L = 0xc2b2ae63;
const P5H = 0x27d4eb2f, P5L = 0x165667c5;

// Result of the latest operation: an object per operation would be an allocation.
let high = 0;
let low = 0;
/** Lanes of long inputs: high and low halves of four values. */
const lanes = new Int32Array(8);

/** High half of the latest hash, as a signed number of 32 bits: larger ones would be allocations. */
export function hashHigh(): number {
  return high;
}

/** Low half of the latest hash, like the high one. */
export function hashLow(): number {
  return low;
}

function multiply(ah: number, al: number, bh: number, bl: number): void {
  const a0 = al & 0xffff, a1 = al >>> 16, b0 = bl & 0xffff, b1 = bl >>> 16;
  const cross = a1 * b0 + ((a0 * b0) >>> 16);
  const middle = a0 * b1 + (cross & 0xffff);
  // Both terms are below 2³², and so are their parts.
  const carry = a1 * b1 + Math.floor(cross / 65_536) + Math.floor(middle / 65_536);
  high = (carry + Math.imul(ah, bl) + Math.imul(al, bh)) | 0;
  low = Math.imul(al, bl);
}

function add(ah: number, al: number, bh: number, bl: number): void {
  const sum = (al >>> 0) + (bl >>> 0);
  low = sum | 0;
  high = (ah + bh + (sum > 0xffffffff ? 1 : 0)) | 0;
}

function rotate(h: number, l: number, bits: number): void {
  if (bits >= 32) {
    rotate(l, h, bits - 32);
  } else if (bits === 0) {
    high = h;
    low = l;
  } else {
    high = (h << bits) | (l >>> (32 - bits));
    low = (l << bits) | (h >>> (32 - bits));
  }
}

function round(ah: number, al: number, inputH: number, inputL: number): void {
  multiply(inputH, inputL, P2H, P2L);
  add(high, low, ah, al);
  rotate(high, low, 31);
  multiply(high, low, P1H, P1L);
}

function word(text: string, i: number): number {
  return text.charCodeAt(i) | (text.charCodeAt(i + 1) << 8) | (text.charCodeAt(i + 2) << 16) |
    (text.charCodeAt(i + 3) << 24);
}

/** Hashes a text, each character as one byte; {@link hashHigh} and {@link hashLow} have the result. */
export function xxh64(text: string, seed = 0): void {
  const { length } = text;
  let i = 0;
  if (length >= 32) {
    i = hashLanes(text, seed);
  } else {
    add(P5H, P5L, 0, seed);
  }
  add(high, low, 0, length);
  let h = high;
  let l = low;
  for (; i + 8 <= length; i += 8) {
    round(0, 0, word(text, i + 4), word(text, i));
    rotate(h ^ high, l ^ low, 27);
    multiply(high, low, P1H, P1L);
    add(high, low, P4H, P4L);
    h = high;
    l = low;
  }
  if (i + 4 <= length) {
    multiply(0, word(text, i), P1H, P1L);
    rotate(h ^ high, l ^ low, 23);
    multiply(high, low, P2H, P2L);
    add(high, low, P3H, P3L);
    h = high;
    l = low;
    i += 4;
  }
  for (; i < length; i++) {
    multiply(0, text.charCodeAt(i) & 0xff, P5H, P5L);
    rotate(h ^ high, l ^ low, 11);
    multiply(high, low, P1H, P1L);
    h = high;
    l = low;
  }
  avalanche(h, l);
}

/** Hashes blocks of 32 bytes; returns the number of bytes used. */
function hashLanes(text: string, seed: number): number {
  add(P1H, P1L, P2H, P2L);
  add(high, low, 0, seed);
  lanes[0] = high, lanes[1] = low;
  add(P2H, P2L, 0, seed);
  lanes[2] = high, lanes[3] = low;
  lanes[4] = 0, lanes[5] = seed;
  // seed − P1.
  add(0, seed, ~P1H, ~P1L);
  add(high, low, 0, 1);
  lanes[6] = high, lanes[7] = low;
  let i = 0;
  for (; i + 32 <= text.length; i += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const at = i + 8 * lane;
      round(lanes[2 * lane], lanes[2 * lane + 1], word(text, at + 4), word(text, at));
      lanes[2 * lane] = high, lanes[2 * lane + 1] = low;
    }
  }
  let h = 0;
  let l = 0;
  const bits = [1, 7, 12, 18];
  for (let lane = 0; lane < 4; lane++) {
    rotate(lanes[2 * lane], lanes[2 * lane + 1], bits[lane]);
    add(high, low, h, l);
    h = high, l = low;
  }
  for (let lane = 0; lane < 4; lane++) {
    round(0, 0, lanes[2 * lane], lanes[2 * lane + 1]);
    multiply(h ^ high, l ^ low, P1H, P1L);
    add(high, low, P4H, P4L);
    h = high, l = low;
  }
  return i;
}

function avalanche(h: number, l: number): void {
  // h ^= h >>> 33
  multiply(h, l ^ (h >>> 1), P2H, P2L);
  // h ^= h >>> 29
  const middleH = high ^ (high >>> 29);
  const middleL = low ^ ((low >>> 29) | (high << 3));
  multiply(middleH, middleL, P3H, P3L);
  // h ^= h >>> 32
  low ^= high;
}
