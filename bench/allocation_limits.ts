/**
 * Compares measured allocations with the recorded ones, for `deno task bench:allocations`.
 *
 * @module
 */

/** Bytes allocated by one call or message. */
export interface Allocation {
  /** Bytes on the JavaScript heap. */
  heap: number;
  /** Bytes outside of it: buffers of more than 64 bytes. */
  external: number;
}

/** Allocations by name of the workload. */
export type Allocations = Record<string, Allocation>;

/** Factor on the recorded figure above which a figure is a regression. */
export const MARGIN = 1.1;
// For small figures, rounding alone exceeds the margin.
const ALWAYS_ALLOWED_BYTES = 8;

/** Comparison of one figure. */
export interface Verdict {
  /** Name of the workload. */
  readonly name: string;
  /** Kind of the figure. */
  readonly kind: keyof Allocation;
  /** Measured bytes. */
  readonly bytes: number;
  /** Limit in bytes; NaN for an unknown workload. */
  readonly limitBytes: number;
  /** Whether it passes. */
  readonly ok: boolean;
}

/**
 * Compares all figures. Unknown workloads fail, as do heap figures of 0 or less, unless the recorded one is 0: then nothing may
 * be allocated.
 */
export function judge(measured: Allocations, known: Allocations): Verdict[] {
  return Object.entries(measured).flatMap(([name, found]) =>
    (["heap", "external"] as const).map((kind) => {
      const bytes = found[kind];
      const nothing = kind === "heap" && known[name]?.heap === 0;
      const limitBytes = nothing ? 0 : name in known ? limitOf(known[name][kind]) : NaN;
      // A garbage collection during a round makes its figure too small, even negative.
      const ok = bytes <= limitBytes && bytes >= (kind === "heap" && !nothing ? 1 : 0);
      return { name, kind, bytes, limitBytes, ok };
    })
  );
}

function limitOf(knownBytes: number): number {
  return Math.max(Math.round(knownBytes * MARGIN), knownBytes + ALWAYS_ALLOWED_BYTES);
}
