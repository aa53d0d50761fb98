/**
 * Detects leaks in figures over time.
 *
 * @module
 */

import type { Figures } from "./figures.ts";

/** Allowed growth of the heap after the first sixth. */
export const MAX_GROWTH = 0.05;

/**
 * Describes growth in one line each; empty without growth. The first sixth of the samples is the warm-up; the
 * medians of the second and the last sixth are compared, to ignore single outliers.
 */
export function growth(who: string, samples: readonly Figures[]): string[] {
  const sixth = Math.max(1, Math.floor(samples.length / 6));
  const early = samples.slice(sixth, 2 * sixth);
  const late = samples.slice(-sixth);
  const found: string[] = [];
  // Includes buffers, in which engines keep bytes.
  const held = (figures: readonly Figures[]) =>
    median(figures.map((one) => one.heapBytes + one.externalBytes));
  const grown = held(late) / held(early) - 1;
  if (grown > MAX_GROWTH) {
    found.push(`${who}: the heap grew by ${percent(grown)}, limit is ${percent(MAX_GROWTH)}`);
  }
  const descriptors = (figures: readonly Figures[]) =>
    median(figures.map((one) => one.descriptors));
  if (descriptors(late) > descriptors(early)) {
    found.push(`${who}: descriptors grew from ${descriptors(early)} to ${descriptors(late)}`);
  }
  return found;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
