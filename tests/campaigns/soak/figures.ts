/**
 * What a process holds: heap after a forced collection, resident memory, descriptors.
 *
 * @module
 */

import { readdir } from "node:fs/promises";

/** What one process holds at one moment. */
export interface Figures {
  /** JavaScript's heap in bytes, after garbage collection. */
  readonly heapBytes: number;
  /** Memory outside of that heap that JavaScript holds (buffers), in bytes. */
  readonly externalBytes: number;
  /** Resident memory in bytes; never falls much, for information. */
  readonly residentBytes: number;
  /** Open descriptors; 0 where the system doesn't list them. */
  readonly descriptors: number;
}

/** Measures this process. Needs `--v8-flags=--expose-gc`, which makes the function `gc`. */
export async function measure(): Promise<Figures> {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error("Cannot collect garbage: start with --v8-flags=--expose-gc");
  // What ends in finalizers and in later turns needs more than one pass.
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

/** Open descriptors of a process; 0 where the system doesn't list them. */
export async function descriptors(pid: number | "self" = "self"): Promise<number> {
  try {
    return (await readdir(`/proc/${pid}/fd`)).length;
  } catch {
    return 0;
  }
}
