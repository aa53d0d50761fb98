/**
 * Batching on the client: unary calls made in the same turn, or within a delay, are sent as one message.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ClientCallSink } from "../../call/wire.ts";
import type { CallCore, OutgoingRequest, UnaryBatcher } from "../client/call_core.ts";
import { BatchedCall, type BatchedCallOwner } from "./batched_call.ts";
import { type BatchContext, BatchStream, type BatchStreamOwner } from "./client_stream.ts";
import type { BatchOptions } from "./options.ts";
import type { Connection } from "../pool/connection.ts";

const MAX_CALLS = 256;
const MAX_BYTES = 65_536;

/** Batches the unary calls of a channel, with one batch stream per connection. */
export class Batcher implements UnaryBatcher, BatchedCallOwner, BatchStreamOwner {
  readonly maxCalls: number;
  readonly maxBytes: number;
  readonly maxDelayMs: number;
  readonly context: BatchContext;
  readonly pool: CallCore["pool"];
  readonly clock: Clock;
  calls = 0;
  /** Whether calls are sent singly, because the server does not support batches. */
  #disabled = false;

  /** `options` are in range: `checkChannelOptions` has checked them. */
  constructor(options: BatchOptions, context: BatchContext) {
    this.maxCalls = options.maxCalls ?? MAX_CALLS;
    this.maxBytes = options.maxBytes ?? MAX_BYTES;
    this.maxDelayMs = options.maxDelayMs ?? 0;
    this.context = context;
    this.pool = context.core.pool;
    this.clock = context.core.clock;
  }

  accepts(payload: Uint8Array): boolean {
    return !this.#disabled && payload.length <= this.maxBytes;
  }

  start(request: OutgoingRequest, payload: Uint8Array, sink: ClientCallSink): BatchedCall {
    const call = new BatchedCall(this, request, payload, sink);
    const { pool } = this;
    const connection = pool.tryPickBatched(call);
    if (connection === undefined) pool.enqueue(call);
    else call.onPick(connection);
    return call;
  }

  streamOf(connection: Connection): BatchStream {
    const current = connection.batch;
    if (current instanceof BatchStream && current.open) return current;
    const stream = new BatchStream(this, connection);
    connection.batch = stream;
    // The batch stream took the last stream identifier, so the connection started to drain before `batch` was set.
    if (connection.state !== "ready") queueMicrotask(() => stream.onDraining());
    return stream;
  }

  disable(reason: string): void {
    if (this.#disabled) return;
    this.#disabled = true;
    this.context.log(
      "warn",
      `${this.context.target} does not accept batches, calls are sent singly from now on: ${reason}`,
    );
  }
}
