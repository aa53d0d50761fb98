/**
 * The server's half of the batch stream (proto/vrpc/v1/batch.proto): many small unary calls on one bidirectional method.
 * Each is dispatched like any other call, with its own deadline, metadata and status. Replies are sent as handlers
 * finish, those of one turn in one message.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../bytes/empty.ts";
import { releaseMessage } from "../../bytes/pool.ts";
import { IdMap } from "../../call/id_map.ts";
import { BatchService } from "../../../proto/gen/vrpc/v1/batch_pb.ts";
import type { Metadata } from "../../call/metadata.ts";
import { checkRange, whole } from "../../limits/ranges.ts";
import { MAX_UNFINISHED_FACTOR } from "../../limits/peer_budget.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall } from "../../call/wire.ts";
import { ProtocolError, RpcError } from "../../errors.ts";
import {
  BATCH_METHOD,
  type BatchRequestSink,
  BatchResponseWriter,
  DEFAULT_MAX_REPLY_BYTES,
  MAX_METHOD_REFS,
  readBatchRequest,
} from "./messages.ts";
import { BatchServerCall, type BatchServerCallOwner } from "./server_call.ts";
import type { Router } from "../dispatch/router.ts";
import type { HandlerContext } from "../core/types.ts";

/** Options of {@link addBatch}. */
export interface BatchServerOptions {
  /**
   * Open calls per stream, and handlers that run at once, 1 or more. Further open calls get RESOURCE_EXHAUSTED; calls
   * wait while the running handlers of cancelled calls use up the limit. Default 1,024.
   */
  maxCalls?: number;
  /** Replies queued for a slow client, in bytes, above which no more calls are read; 1 or more. Default 1 MiB. */
  maxBufferedBytes?: number;
}

// Queued replies of this total size, in bytes, are sent before the end of the turn.
const FLUSH_BYTES = 65_536;

/**
 * Accepts unary calls in batches, from channels with the option `batch`. Handlers see batched calls like any other, with
 * `"batch"` as `context.wire`. Throws RangeError for options out of range.
 */
export function addBatch(router: Router, options: BatchServerOptions = {}): void {
  const { maxCalls = 1024, maxBufferedBytes = 1_048_576 } = options;
  checkRange("maxCalls", maxCalls, whole(1, Infinity));
  checkRange("maxBufferedBytes", maxBufferedBytes, whole(1, Infinity));
  router.method(BATCH_METHOD, {
    kind: "bidi_streaming",
    description: "Carries unary calls in batches",
    requestType: BatchService.method.exchange.input.typeName,
    responseType: BatchService.method.exchange.output.typeName,
  }, (requests, context) => {
    if (context.wire === "batch") {
      throw new RpcError(Status.UNIMPLEMENTED, "Cannot nest batches");
    }
    const accept = router.openNested(context.peer, maxCalls);
    return new BatchSession(context, accept, maxCalls, maxBufferedBytes).run(requests);
  });
  router.registry.addService(BatchService);
}

/** Serves one batch stream. */
class BatchSession implements BatchRequestSink, BatchServerCallOwner {
  readonly #context: HandlerContext;
  readonly #accept: (call: ServerCall) => void;
  #maxCalls: number;
  #maxBufferedBytes: number;
  #maxReplyBytes = DEFAULT_MAX_REPLY_BYTES;
  #methods: (string | undefined)[] = [];
  #open = new IdMap<BatchServerCall>();
  /** Calls whose handlers have not ended, cancelled calls included; they do not count as open. */
  #running = 0;
  #writer = new BatchResponseWriter();
  #bufferedBytes = 0;
  #flushQueued = false;
  /** Resolves the pending promise of `#change`; undefined if there is none. */
  #wake: (() => void) | undefined = undefined;
  #flushNow = () => {
    this.#flushQueued = false;
    this.#flush();
  };

  constructor(
    context: HandlerContext,
    accept: (call: ServerCall) => void,
    maxCalls: number,
    maxBufferedBytes: number,
  ) {
    this.#context = context;
    this.#accept = accept;
    this.#maxCalls = maxCalls;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#writer.maxCalls(maxCalls);
    this.#queueFlush();
  }

  /** Serves the stream; resolves once the client has half-closed it and all replies are sent. */
  async run(requests: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const message of requests) {
        readBatchRequest(message, this);
        while (this.#bufferedBytes > this.#maxBufferedBytes) await this.#change();
      }
      while (this.#open.size > 0 || this.#bufferedBytes > 0 || this.#flushQueued) {
        await this.#change();
      }
    } catch (error) {
      const reason = error instanceof ProtocolError
        ? new RpcError(Status.INVALID_ARGUMENT, error.message, { cause: error })
        : error;
      throw reason;
    } finally {
      this.#cancelAll();
    }
  }

  get authority(): string {
    return this.#context.authority;
  }

  onCall(
    id: number,
    method: string,
    methodRef: number,
    payload: Uint8Array,
    timeoutMs: number,
    metadata: Metadata | undefined,
  ): void {
    const path = this.#resolve(method, methodRef);
    if (id === 0 || this.#open.has(id)) {
      throw malformed(`the call id ${id} is ${id === 0 ? "not valid" : "in use"}`);
    }
    const open = this.#open.size;
    if (open >= this.#maxCalls || this.#running >= this.#maxCalls * MAX_UNFINISHED_FACTOR) {
      this.#reply(
        id,
        Status.RESOURCE_EXHAUSTED,
        `Cannot run the call: ${open} calls of the batch stream are open and ${this.#running} run or wait, ` +
          `limit is ${this.#maxCalls}`,
      );
      return;
    }
    const call = new BatchServerCall(
      this,
      id,
      path,
      timeoutMs === 0 ? Infinity : timeoutMs,
      metadata,
    );
    this.#open.set(id, call);
    this.#running++;
    this.#accept(call);
    if (call.closed) return;
    call.sink.onMessage(payload, false);
    if (!call.closed) call.sink.onHalfClose();
  }

  onCancel(id: number): void {
    this.#open.get(id)?.cancel(Status.CANCELLED, "The client cancelled the call");
  }

  onMaxReplyBytes(count: number): void {
    this.#maxReplyBytes = count;
  }

  ended(
    call: BatchServerCall,
    code: Status,
    message: string,
    trailers: Metadata | undefined,
  ): void {
    const { id, payload, headers } = call;
    this.#open.delete(id);
    if (code === Status.OK && payload === undefined) {
      this.#reply(id, Status.INTERNAL, `The handler of ${call.path} returned no reply`);
    } else if (code === Status.OK && payload !== undefined) {
      if (payload.length > this.#maxReplyBytes) {
        this.#reply(
          id,
          Status.RESOURCE_EXHAUSTED,
          `Cannot send a reply of ${payload.length} bytes, limit is ${this.#maxReplyBytes}`,
        );
        return;
      }
      this.#writer.ok(id, payload, headers, trailers);
      releaseMessage(payload);
      this.#queueFlush();
    } else {
      this.#reply(id, code, message, headers, trailers);
    }
  }

  dropped(id: number): void {
    this.#open.delete(id);
    this.#wakeUp();
  }

  handlerDone(): void {
    this.#running--;
    this.#wakeUp();
  }

  #resolve(method: string, ref: number): string {
    if (ref === 0) {
      if (method === "") throw malformed("a call has no method");
      return method;
    }
    if (ref > MAX_METHOD_REFS) throw malformed(`method_ref is ${ref}, limit is ${MAX_METHOD_REFS}`);
    if (method !== "") return this.#methods[ref] = method;
    const known = this.#methods[ref];
    if (known === undefined) throw malformed(`method_ref ${ref} is not defined`);
    return known;
  }

  #reply(
    id: number,
    code: Status,
    message: string,
    headers?: Metadata,
    trailers?: Metadata,
  ): void {
    this.#writer.reply(id, code, message, EMPTY_BYTES, headers, trailers);
    this.#queueFlush();
  }

  #queueFlush(): void {
    if (this.#writer.byteLength >= FLUSH_BYTES) {
      this.#flush();
    } else if (!this.#flushQueued) {
      this.#flushQueued = true;
      queueMicrotask(this.#flushNow);
    }
  }

  #flush(): void {
    const bytes = this.#writer.byteLength;
    if (bytes === 0 || this.#context.signal.aborted) return;
    this.#bufferedBytes += bytes;
    const taken = () => {
      this.#bufferedBytes -= bytes;
      this.#wakeUp();
    };
    this.#context.stream.write(this.#writer.take()).then(taken, taken);
  }

  /** Cancels the open calls once the stream has ended. */
  #cancelAll(): void {
    if (this.#open.size === 0) return;
    const { signal } = this.#context;
    const reason = signal.aborted
      ? RpcError.from(signal.reason)
      : new RpcError(Status.CANCELLED, "The batch stream ended");
    for (const call of [...this.#open.values()]) call.cancel(reason.code, reason.message);
  }

  /** Resolves at the next end of a call or of a write; rejects when the stream is cancelled. */
  #change(): Promise<void> {
    const { signal } = this.#context;
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#wake = undefined;
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#wake = () => {
        this.#wake = undefined;
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
    });
  }

  #wakeUp(): void {
    this.#wake?.();
  }
}

function malformed(what: string): ProtocolError {
  return new ProtocolError("stream", 0, `Cannot read a batch: ${what}`);
}
