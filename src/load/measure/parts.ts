/**
 * Measurements of the parts of a run: its stages, or its methods.
 *
 * @module
 */

import { Histogram, type HistogramData } from "./histogram.ts";

/** Counts and latencies of one part. */
export interface PartCounts {
  /** Latencies of successful calls. */
  readonly latency: HistogramData;
  /** Failed calls. */
  readonly failed: number;
  /** Calls that were due and never sent. */
  readonly missed: number;
}

/** Records by part; a run without parts costs nothing. */
export class Parts {
  readonly #latency: Histogram[];
  readonly #failed: number[];
  readonly #missed: number[];

  /** With a `count` of 0, nothing is recorded. */
  constructor(count: number) {
    this.#latency = Array.from({ length: count }, () => new Histogram());
    this.#failed = new Array(count).fill(0);
    this.#missed = new Array(count).fill(0);
  }

  /** Records a call that succeeded. */
  success(part: number, latencyMs: number): void {
    if (this.#latency.length > 0) this.#latency[part].recordMs(latencyMs);
  }

  /** Records a call that failed. */
  failure(part: number): void {
    if (this.#failed.length > 0) this.#failed[part]++;
  }

  /** Records a call that was due and never sent. */
  miss(part: number): void {
    if (this.#missed.length > 0) this.#missed[part]++;
  }

  /** Returns what was recorded; undefined without parts. */
  counts(): PartCounts[] | undefined {
    if (this.#latency.length === 0) return undefined;
    return this.#latency.map((latency, i) => {
      return { latency: latency.toData(), failed: this.#failed[i], missed: this.#missed[i] };
    });
  }
}

/** Adds up the parts of all workers; undefined when they have none. */
export function mergedParts(
  all: readonly (readonly PartCounts[] | undefined)[],
): { latency: Histogram; failed: number; missed: number }[] | undefined {
  const [first] = all;
  return first?.map((_, part) => {
    const merged = { latency: new Histogram(), failed: 0, missed: 0 };
    for (const counts of all) {
      if (!counts) continue;
      merged.latency.add(counts[part].latency);
      merged.failed += counts[part].failed;
      merged.missed += counts[part].missed;
    }
    return merged;
  });
}
