/**
 * What was measured against what is known: the verdicts of `deno task bench:allocations`.
 *
 * @module
 */

/** Bytes that one call, or message, allocates. */
export interface Allocation {
  /** On the JavaScript heap. */
  heap: number;
  /** Outside of it: buffers of more than 64 bytes. */
  external: number;
}

/** By the name of the workload. */
export type Allocations = Record<string, Allocation>;

/** How much more than what is known is a regression. */
export const MARGIN = 1.1;
// Below this, rounding alone would be more than the margin.
const ALWAYS_ALLOWED_BYTES = 8;

/** One figure and what became of it. */
export interface Verdict {
  /** The workload. */
  readonly name: string;
  /** Which of its figures. */
  readonly kind: keyof Allocation;
  /** What was measured, in bytes. */
  readonly bytes: number;
  /** The most that passes, in bytes; NaN when the workload is unknown. */
  readonly limitBytes: number;
  /** Whether it passes. */
  readonly ok: boolean;
}

/** Judges each figure; a workload that is not known fails, and so does a heap figure that is not above 0. */
export function judge(measured: Allocations, known: Allocations): Verdict[] {
  return Object.entries(measured).flatMap(([name, found]) =>
    (["heap", "external"] as const).map((kind) => {
      const bytes = found[kind];
      const limitBytes = name in known ? limitOf(known[name][kind]) : NaN;
      // A collection in the middle would make a figure too small, and below zero in the end.
      const ok = bytes <= limitBytes && bytes >= (kind === "heap" ? 1 : 0);
      return { name, kind, bytes, limitBytes, ok };
    })
  );
}

function limitOf(knownBytes: number): number {
  return Math.max(Math.round(knownBytes * MARGIN), knownBytes + ALWAYS_ALLOWED_BYTES);
}
