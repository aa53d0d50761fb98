/**
 * Histogram of durations with a fixed size and a bounded relative error, laid out like HdrHistogram
 * (http://hdrhistogram.org): linear buckets within each power of two, three significant digits. Typed arrays
 * can be posted to a worker without encoding, and recording costs a few ns.
 *
 * @module
 */

const SUB_BITS = 10;
const SUB = 1 << SUB_BITS;
const LINEAR = 2 * SUB;
// 2^42 ns is 73 minutes, above any duration that a benchmark waits for.
const MAX_EXPONENT = 41;
const BUCKETS = LINEAR + (MAX_EXPONENT - SUB_BITS) * SUB;
const TWO_32 = 2 ** 32;
const LARGEST = 2 ** (MAX_EXPONENT + 1) - 1;

/** Contents of a histogram, for messages between threads and for files. */
export interface HistogramData {
  /** How many values were recorded. */
  readonly count: number;
  /** Sum of the values in ns, exact. */
  readonly sumNs: number;
  /** Smallest value in ns, exact; Infinity when empty. */
  readonly minNs: number;
  /** Largest value in ns, exact; 0 when empty. */
  readonly maxNs: number;
  /** Buckets with values, ascending: of each its number and its count, one after the other. */
  readonly counts: Float64Array<ArrayBuffer>;
}

/** Histogram of durations in whole nanoseconds, from 0 to 73 minutes; longer ones count in the last bucket. */
export class Histogram {
  /** How many values were recorded. */
  count = 0;
  /** Sum of the values in ns. */
  sumNs = 0;
  /** Smallest value in ns; Infinity when empty. */
  minNs = Infinity;
  /** Largest value in ns; 0 when empty. */
  maxNs = 0;
  #counts = new Float64Array(BUCKETS);

  /** Records a duration in milliseconds; negative durations, after a step of the clock, count as 0. */
  recordMs(durationMs: number): void {
    this.recordNs(Math.round(durationMs * 1e6));
  }

  /** Records a duration in whole nanoseconds, `times` times. */
  recordNs(ns: number, times = 1): void {
    if (!(ns > 0)) ns = 0;
    this.#counts[bucketOf(ns)] += times;
    this.count += times;
    this.sumNs += ns * times;
    if (ns < this.minNs) this.minNs = ns;
    if (ns > this.maxNs) this.maxNs = ns;
  }

  /** Adds all values of another histogram. */
  add(other: Histogram | HistogramData): void {
    if (other.count === 0) return;
    if (other instanceof Histogram) {
      const from = other.#counts;
      const last = bucketOf(other.maxNs);
      for (let i = bucketOf(other.minNs); i <= last; i++) this.#counts[i] += from[i];
    } else {
      const { counts } = other;
      for (let i = 0; i < counts.length; i += 2) this.#counts[counts[i]] += counts[i + 1];
    }
    this.count += other.count;
    this.sumNs += other.sumNs;
    this.minNs = Math.min(this.minNs, other.minNs);
    this.maxNs = Math.max(this.maxNs, other.maxNs);
  }

  /** Removes all values. */
  reset(): void {
    if (this.count > 0) this.#counts.fill(0, bucketOf(this.minNs), bucketOf(this.maxNs) + 1);
    this.count = 0;
    this.sumNs = 0;
    this.minNs = Infinity;
    this.maxNs = 0;
  }

  /** Mean in ns; 0 when empty. */
  get meanNs(): number {
    return this.count === 0 ? 0 : this.sumNs / this.count;
  }

  /** Standard deviation in ns, computed from bucket middles; 0 when empty. */
  get standardDeviationNs(): number {
    if (this.count === 0) return 0;
    const mean = this.meanNs;
    let squares = 0;
    for (const { fromNs, toNs, count } of this.buckets()) {
      squares += count * ((fromNs + toNs) / 2 - mean) ** 2;
    }
    return Math.sqrt(squares / this.count);
  }

  /**
   * Returns the value in ns that `percentile` percent (0 to 100) of the values do not exceed, at most 0.1 %
   * too high and never above the maximum; 0 when empty.
   */
  percentileNs(percentile: number): number {
    if (this.count === 0) return 0;
    // The small term keeps 99.9 % of 1000 at rank 999 despite binary fractions.
    const rank = Math.max(1, Math.ceil(percentile / 100 * this.count - 1e-9 * this.count));
    let seen = 0;
    const last = bucketOf(this.maxNs);
    for (let i = bucketOf(this.minNs); i <= last; i++) {
      seen += this.#counts[i];
      if (seen >= rank) return Math.min(upperBound(i), this.maxNs);
    }
    return this.maxNs;
  }

  /** Returns how many values were at most `ns`, to the precision of a bucket. */
  countAtOrBelowNs(ns: number): number {
    if (this.count === 0) return 0;
    const end = Math.min(bucketOf(ns), BUCKETS - 1);
    let seen = 0;
    for (let i = bucketOf(this.minNs); i <= end; i++) seen += this.#counts[i];
    return seen;
  }

  /** Yields the buckets with values, ascending: from `fromNs` to `toNs`, both inclusive. */
  *buckets(): Generator<{ fromNs: number; toNs: number; count: number }> {
    if (this.count === 0) return;
    const last = bucketOf(this.maxNs);
    for (let i = bucketOf(this.minNs); i <= last; i++) {
      const count = this.#counts[i];
      if (count > 0) yield { fromNs: lowerBound(i), toNs: upperBound(i), count };
    }
  }

  /**
   * Returns a copy that can be posted to another thread. Few of the buckets have values: all of them, 270 kB, would take
   * the sender more than 1 ms.
   */
  toData(): HistogramData {
    const { count, sumNs, minNs, maxNs } = this;
    const used: number[] = [];
    const last = count === 0 ? -1 : bucketOf(maxNs);
    for (let i = bucketOf(Math.min(minNs, LARGEST)); i <= last; i++) {
      if (this.#counts[i] > 0) used.push(i, this.#counts[i]);
    }
    return { count, sumNs, minNs, maxNs, counts: Float64Array.from(used) };
  }

  /** Creates a histogram with the given contents. */
  static fromData(data: HistogramData): Histogram {
    const histogram = new Histogram();
    histogram.add(data);
    return histogram;
  }
}

function bucketOf(ns: number): number {
  if (ns < LINEAR) return ns;
  if (ns > LARGEST) return BUCKETS - 1;
  const exponent = ns < TWO_32 ? 31 - Math.clz32(ns) : 63 - Math.clz32(ns / TWO_32);
  const shift = exponent - SUB_BITS;
  // Division instead of >>: values exceed 32 bits.
  const sub = Math.floor(ns / 2 ** shift);
  return LINEAR + (shift - 1) * SUB + sub - SUB;
}

function lowerBound(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const shift = Math.floor((bucket - LINEAR) / SUB) + 1;
  return ((bucket - LINEAR) % SUB + SUB) * 2 ** shift;
}

function upperBound(bucket: number): number {
  return lowerBound(bucket + 1) - 1;
}
