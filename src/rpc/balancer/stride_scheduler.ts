/**
 * Choice in proportion to weights without a queue: the static stride scheduler of gRPC's implementations.
 *
 * @module
 */

const MAX_WEIGHT = 65_535;
const OFFSET = Math.floor(MAX_WEIGHT / 2);

/** Yields indices in proportion to weights. */
export class StrideScheduler {
  /** Weights of which the largest is 65,535. */
  readonly #weights: Uint16Array;
  #sequence: number;

  /** Weights of 0 count as the mean of the others; with fewer than two others, all are equal. */
  constructor(weights: readonly number[], firstSequence: number) {
    const known = weights.filter((weight) => weight > 0);
    const scale = MAX_WEIGHT / Math.max(...known, Number.MIN_VALUE);
    const mean = known.reduce((sum, weight) => sum + weight, 0) / Math.max(1, known.length);
    this.#weights = Uint16Array.from(
      weights,
      (weight) =>
        known.length < 2
          ? MAX_WEIGHT
          : Math.max(1, Math.round(scale * (weight > 0 ? weight : mean))),
    );
    this.#sequence = firstSequence;
  }

  /** Returns the next index. */
  next(): number {
    const weights = this.#weights;
    const count = weights.length;
    while (true) {
      const sequence = this.#sequence++;
      const index = sequence % count;
      const generation = (sequence - index) / count;
      const weight = weights[index];
      // An index is chosen in `weight` of 65,535 generations, spread evenly and differently for each index.
      const place = (weight * (generation % MAX_WEIGHT) + index * OFFSET) % MAX_WEIGHT;
      if (place >= MAX_WEIGHT - weight) return index;
    }
  }
}
