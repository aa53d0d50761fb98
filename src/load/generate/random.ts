/**
 * Reproducible randomness for payloads and arrival times.
 *
 * @module
 */

/** Generator sfc32 (Chris Doty-Humphrey, PractRand); not cryptographically secure. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Creates a generator; streams of one seed are independent, for example one per worker. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = stream | 0;
    // The first outputs of close seeds are similar; the author recommends at least 12 rounds.
    for (let i = 0; i < 15; i++) this.uint32();
  }

  /** Returns a whole number from 0 to 2³² − 1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Returns an exponentially distributed number with the given mean: a gap of a Poisson process. */
  exponential(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  /** Returns `length` random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24;
    return bytes;
  }
}
