/**
 * The client's half of the batch stream: gathers unary calls that are made in the same turn (or within a
 * delay) and sends them as one message. Callers don't notice.
 *
 * @module
 */

import type { ClientCall, ClientCallSink } from "../../call/wire.ts";
import type { CallCore, OutgoingRequest, UnaryBatcher } from "../client/call_core.ts";
import { BatchedCall, BatchStream } from "./client_stream.ts";
import type { BatchOptions } from "./options.ts";
import type { Connection } from "../pool/connection.ts";

const MAX_CALLS = 256;
const MAX_BYTES = 65_536;

/** What all batch streams of a channel share. */
export interface BatchContext {
  readonly core: Pick<CallCore, "pool" | "clock" | "authority">;
  /** The largest reply taken, in bytes. */
  readonly maxReplyBytes: number;
  /** How many calls may wait on one stream. */
  readonly maxQueuedCalls: number;
  readonly target: string;
  readonly log: (level: "debug" | "warn", message: string) => void;
}

/** Takes unary calls into batches, one stream per connection. */
export class Batcher implements UnaryBatcher {
  readonly maxCalls: number;
  readonly maxBytes: number;
  readonly maxDelayMs: number;
  readonly context: BatchContext;
  /** Calls that went in batches. */
  calls = 0;
  /** The server doesn't know batches: calls go singly from now on. */
  #unsupported = false;

  /** `options` were checked with those of the channel. */
  constructor(options: BatchOptions, context: BatchContext) {
    this.maxCalls = options.maxCalls ?? MAX_CALLS;
    this.maxBytes = options.maxBytes ?? MAX_BYTES;
    this.maxDelayMs = options.maxDelayMs ?? 0;
    this.context = context;
  }

  accepts(payload: Uint8Array): boolean {
    return !this.#unsupported && payload.length <= this.maxBytes;
  }

  start(request: OutgoingRequest, payload: Uint8Array, sink: ClientCallSink): ClientCall {
    const call = new BatchedCall(this, request, payload, sink);
    const { pool } = this.context.core;
    const connection = pool.tryPickBatched();
    if (connection === undefined) pool.enqueue(call);
    else call.onPick(connection);
    return call;
  }

  /** The stream of a connection. */
  streamOf(connection: Connection): BatchStream {
    const current = connection.batch as BatchStream | undefined;
    if (current !== undefined && current.open) return current;
    const stream = new BatchStream(this, connection);
    connection.batch = stream;
    // It took the connection's last stream identifier, and the connection began to drain before it knew the stream.
    if (connection.state !== "ready") queueMicrotask(() => stream.onDraining());
    return stream;
  }

  /** The server answered UNIMPLEMENTED. */
  unsupported(message: string): void {
    if (this.#unsupported) return;
    this.#unsupported = true;
    this.context.log(
      "warn",
      `${this.context.target} takes no batches, calls go singly from now on: ${message}`,
    );
  }
}
