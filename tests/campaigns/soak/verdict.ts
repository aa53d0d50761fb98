/**
 * Whether figures taken over time show a leak.
 *
 * @module
 */

import type { Figures } from "./figures.ts";

/** How much the heap may grow after the first sixth. */
export const MAX_GROWTH = 0.05;

/**
 * What grew, one line each; empty when nothing did. The first sixth of the samples is the warm-up; the second
 * sixth is compared with the last one, by medians, so that a single odd sample says nothing.
 */
export function growth(who: string, samples: readonly Figures[]): string[] {
  const sixth = Math.max(1, Math.floor(samples.length / 6));
  const early = samples.slice(sixth, 2 * sixth);
  const late = samples.slice(-sixth);
  const found: string[] = [];
  // Buffers are part of what JavaScript holds; engines keep bytes there.
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
