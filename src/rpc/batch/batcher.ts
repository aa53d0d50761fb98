/**
 * The client's half of the batch stream: gathers unary calls that are made in the same turn (or within a
 * delay) and sends them as one message. Callers don't notice.
 *
 * @module
 */

import type { ClientCall, ClientCallSink } from "../../call/wire.ts";
import type { CallCore, OutgoingRequest, UnaryBatcher } from "../client/call_core.ts";
import { BatchedCall, type BatchedCallOwner } from "./batched_call.ts";
import { type BatchContext, BatchStream, type BatchStreamOwner } from "./client_stream.ts";
import type { BatchOptions } from "./options.ts";
import type { Connection } from "../pool/connection.ts";

const MAX_CALLS = 256;
const MAX_BYTES = 65_536;

/** Takes unary calls into batches, one stream per connection. */
export class Batcher implements UnaryBatcher, BatchedCallOwner, BatchStreamOwner {
  readonly maxCalls: number;
  readonly maxBytes: number;
  readonly maxDelayMs: number;
  readonly context: BatchContext;
  readonly pool: CallCore["pool"];
  /** Calls that went in batches. */
  calls = 0;
  /** The server doesn't know batches: calls go singly from now on. */
  #disabled = false;

  /** `options` were checked with those of the channel. */
  constructor(options: BatchOptions, context: BatchContext) {
    this.maxCalls = options.maxCalls ?? MAX_CALLS;
    this.maxBytes = options.maxBytes ?? MAX_BYTES;
    this.maxDelayMs = options.maxDelayMs ?? 0;
    this.context = context;
    this.pool = context.core.pool;
  }

  accepts(payload: Uint8Array): boolean {
    return !this.#disabled && payload.length <= this.maxBytes;
  }

  start(request: OutgoingRequest, payload: Uint8Array, sink: ClientCallSink): ClientCall {
    const call = new BatchedCall(this, request, payload, sink);
    const { pool } = this;
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
  disable(reason: string): void {
    if (this.#disabled) return;
    this.#disabled = true;
    this.context.log(
      "warn",
      `${this.context.target} takes no batches, calls go singly from now on: ${reason}`,
    );
  }
}
