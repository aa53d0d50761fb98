/**
 * Flow of a run, for its threads.
 *
 * @module
 */

import type { MetadataEntry } from "../../src/load/generate/variables.ts";

/** Flow, as plain data for the threads. */
export interface FlowOrder {
  /** Path of the scenario file, whose flow it is. */
  readonly file: string;
  /** Users of all threads, at a time. */
  readonly users: number;
  /** Methods to find before the load. */
  readonly methods: readonly string[];
  /** Paths of the methods that it calls, without the leading slash. */
  readonly called: readonly string[];
  /** Types as a `google.protobuf.FileDescriptorSet`; undefined for those of reflection. */
  readonly types?: Uint8Array;
  /** Metadata of each call. */
  readonly metadata: readonly MetadataEntry[];
  /** Deadline of each call in ms; undefined for none. */
  readonly timeoutMs?: number;
}
