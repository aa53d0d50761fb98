/**
 * Messages between the benchmark and its workers.
 *
 * @module
 */

import type { TlsClientOptions } from "../../src/transport/mod.ts";
import type { WeightedCall } from "../../src/load/generate/method_mix.ts";
import type { IntervalReport, WorkerPlan, WorkerResult } from "../../src/load/mod.ts";
import type { FlowOrder } from "./flow_order.ts";
import type { Wire } from "../shared/wire.ts";

/** Server and how to connect to it. */
export interface Endpoint {
  /** Address. */
  readonly address: string;
  /** Wire. */
  readonly wire: Wire;
  /** TLS; undefined for none. */
  readonly tls?: TlsClientOptions | true;
  /** Whether to batch calls. */
  readonly batch: boolean;
}

/** Message to a load worker. */
export type ToWorker =
  | {
    readonly type: "prepare";
    readonly endpoint: Endpoint;
    readonly connections: number;
    readonly streams: number;
    readonly calls: readonly WeightedCall[];
    readonly flow?: FlowOrder;
    readonly plan: WorkerPlan;
  }
  /** Starts the warm-up at a time in ms since the Unix epoch. */
  | { readonly type: "start"; readonly atEpochMs: number }
  | { readonly type: "stop" }
  /** Closes the connections and ends the thread. */
  | { readonly type: "end" };

/** Message from a load worker. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "interval"; readonly report: IntervalReport }
  | { readonly type: "done"; readonly result: WorkerResult }
  | { readonly type: "failed"; readonly message: string };

/** Message to the server worker. */
export type ToServer =
  | {
    readonly type: "serve";
    readonly address: string;
    readonly tls?: { readonly cert: string; readonly key: string };
  }
  /** Starts counting CPU time. */
  | { readonly type: "mark" }
  /** Requests the CPU time since the mark. */
  | { readonly type: "cpu" }
  /** Closes the server and ends the thread. */
  | { readonly type: "end" };

/** Message from the server worker. */
export type FromServer =
  | { readonly type: "listening"; readonly address: string }
  | { readonly type: "cpu"; readonly cpuMs?: number }
  | { readonly type: "failed"; readonly message: string };
