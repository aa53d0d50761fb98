/**
 * Messages between a worker pool and its workers.
 *
 * @module
 */

import { isBytes } from "../../bytes/is_bytes.ts";
import type { Metadata, MetadataValue } from "../../call/metadata.ts";
import type { HandlerContext } from "../core/types.ts";

/** Metadata that can be posted. */
export type PostedMetadata = [string, MetadataValue][];

/** Converts metadata for posting; undefined becomes an empty list. */
export function postableMetadata(metadata: Metadata | undefined): PostedMetadata {
  return metadata ? [...metadata] : [];
}

/** Time in ms since 1970, with fractions: the same on all threads of a process. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Message from the pool to a worker. */
export type ToWorker =
  /** First message; `init` is the option of the pool. The worker keeps `lifeline`, whose other end closes with it. */
  | { readonly kind: "init"; readonly init: unknown; readonly lifeline: MessagePort }
  /** A call. */
  | {
    readonly kind: "call";
    readonly id: number;
    readonly path: string;
    readonly payload: Uint8Array;
    readonly metadata: PostedMetadata;
    /** Deadline in ms of {@link epochMs}, because the call may wait for a thread that is busy; Infinity for none. */
    readonly deadlineMs: number;
    readonly peer: { readonly address: string; readonly transport: string };
    readonly authority: string;
    readonly wire: HandlerContext["wire"];
  }
  /** Cancels the call. */
  | { readonly kind: "cancel"; readonly id: number };

/** Outcome of one call. */
export interface WorkerReply {
  readonly kind: "reply";
  readonly id: number;
  readonly code: number;
  readonly message: string;
  readonly payload: Uint8Array | undefined;
  readonly headers: PostedMetadata;
  readonly trailers: PostedMetadata;
}

/** Message from a worker to its pool. */
export type FromWorker =
  /** `configure` has registered the methods. */
  | { readonly kind: "ready" }
  /** The worker ends: `configure` failed, or its code called `close` or `Deno.exit`. */
  | { readonly kind: "failed"; readonly reason: string }
  | WorkerReply;

/** Whether a value is a message of `serveWorker`: a worker's module may post others. */
export function isFromWorker(value: unknown): value is FromWorker {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  const { kind, reason, id, code, message, payload, headers, trailers } = value as Readonly<
    Record<string, unknown>
  >;
  switch (kind) {
    case "ready":
      return true;
    case "failed":
      return typeof reason === "string";
    case "reply":
      return typeof id === "number" && typeof code === "number" && typeof message === "string" &&
        (payload === undefined || isBytes(payload)) && Array.isArray(headers) &&
        Array.isArray(trailers);
    default:
      return false;
  }
}
