/**
 * Figures of a process: heap after a forced collection, resident memory, descriptors.
 *
 * @module
 */

import { readdir } from "node:fs/promises";

/** Figures of a process at one moment. */
export interface Figures {
  /** JavaScript heap after garbage collection, in bytes. */
  readonly heapBytes: number;
  /** Memory of buffers outside of the heap, in bytes. */
  readonly externalBytes: number;
  /** Resident memory in bytes, for information only: it rarely shrinks. */
  readonly residentBytes: number;
  /** Open descriptors; 0 where the system does not list them. */
  readonly descriptors: number;
}

/** Measures this process. Needs `--v8-flags=--expose-gc`, which makes the function `gc`. */
export async function measure(): Promise<Figures> {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error("Cannot collect garbage: start with --v8-flags=--expose-gc");
  // Finalizers and later turns need more than one pass.
  for (let pass = 0; pass < 3; pass++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return {
    heapBytes: heapUsed,
    externalBytes: external,
    residentBytes: rss,
    descriptors: await descriptors(),
  };
}

/** Counts the open descriptors of a process; 0 where the system does not list them. */
export async function descriptors(pid: number | "self" = "self"): Promise<number> {
  try {
    return (await readdir(`/proc/${pid}/fd`)).length;
  } catch {
    return 0;
  }
}
