/**
 * What a worker pool and its workers say to each other.
 *
 * @module
 */

import type { MetadataValue } from "../../call/metadata.ts";

/** Metadata in a form that can be posted. */
export type PostedMetadata = [string, MetadataValue][];

/** From the pool to a worker. */
export type ToWorker =
  /** Goes first; `init` is what the pool's owner wants its workers to know. */
  | { readonly kind: "init"; readonly init: unknown }
  /** A call. */
  | {
    readonly kind: "call";
    readonly id: number;
    readonly path: string;
    readonly payload: Uint8Array;
    readonly metadata: PostedMetadata;
    /** Left until the deadline; Infinity for none. */
    readonly timeoutMs: number;
    readonly peer: { readonly address: string; readonly transport: string };
    readonly wire: "grpc" | "lean" | "batch";
  }
  /** The call was given up. */
  | { readonly kind: "cancel"; readonly id: number };

/** A worker's answer to one call. */
export interface WorkerReply {
  readonly kind: "reply";
  readonly id: number;
  readonly code: number;
  readonly message: string;
  readonly payload: Uint8Array | undefined;
  readonly headers: PostedMetadata;
  readonly trailers: PostedMetadata;
}

/** From a worker to its pool. */
export type FromWorker =
  /** Its methods are there. */
  | { readonly kind: "ready" }
  /** It can't go on: `configure` failed, or something in it called `close` or `Deno.exit`. */
  | { readonly kind: "failed"; readonly reason: string }
  | WorkerReply;
