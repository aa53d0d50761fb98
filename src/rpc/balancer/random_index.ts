/**
 * Random indices without allocations: a function that returns fractions allocates one number per call.
 *
 * @module
 */

/** Yields pseudo-random whole numbers by xorshift (Marsaglia, "Xorshift RNGs", 2003). */
export class RandomIndex {
  readonly #state = new Uint32Array(1);

  /** Begins at a state taken from `random`, which returns numbers from 0 to below 1. */
  constructor(random: () => number) {
    // Zero is the only state that is never left.
    this.#state[0] = Math.floor(random() * 0xffffffff) + 1;
  }

  /** Returns a number from 0 to below `count`, which is at most 2³¹. */
  below(count: number): number {
    let x = this.#state[0];
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state[0] = x;
    return Math.floor((x >>> 0) / 0x1_0000_0000 * count) | 0;
  }
}
