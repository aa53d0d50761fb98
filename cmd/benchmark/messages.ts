/**
 * What the benchmark and its workers say to each other.
 *
 * @module
 */

import type { TlsClientOptions } from "../../src/transport/mod.ts";
import type { CallSpec } from "../../src/load/generate/channel_target.ts";
import type { IntervalReport, WorkerPlan, WorkerResult } from "../../src/load/mod.ts";

/** How to reach the server. */
export interface Endpoint {
  /** The address. */
  readonly address: string;
  /** The wire. */
  readonly wire: "grpc" | "lean";
  /** TLS; undefined for none. */
  readonly tls?: TlsClientOptions | true;
  /** Whether to gather calls into batches. */
  readonly batch: boolean;
}

/** What a worker is told. */
export type ToWorker =
  | {
    readonly type: "prepare";
    readonly endpoint: Endpoint;
    readonly connections: number;
    readonly streams: number;
    readonly spec: CallSpec;
    readonly plan: WorkerPlan;
  }
  /** Warm-up starts at this time in ms since the Unix epoch. */
  | { readonly type: "start"; readonly atEpochMs: number }
  | { readonly type: "stop" };

/** What a worker says. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "interval"; readonly report: IntervalReport }
  | { readonly type: "done"; readonly result: WorkerResult }
  | { readonly type: "failed"; readonly message: string };

/** What the worker that serves is told. */
export type ToServer =
  | {
    readonly type: "serve";
    readonly address: string;
    readonly tls?: { readonly cert: string; readonly key: string };
  }
  /** Measuring starts: CPU time counts from now on. */
  | { readonly type: "mark" }
  /** Asks for the CPU time since the mark. */
  | { readonly type: "cpu" };

/** What the worker that serves says. */
export type FromServer =
  | { readonly type: "listening"; readonly address: string }
  | { readonly type: "cpu"; readonly cpuMs?: number }
  | { readonly type: "failed"; readonly message: string };
