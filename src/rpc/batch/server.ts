/**
 * The server's half of the batch stream: many small unary calls on one bidirectional method. Each call
 * goes the way of any other call, with its own deadline, metadata, status and slot; replies go out as they
 * come, those of one turn together. See proto/vrpc/v1/batch.proto.
 *
 * @module
 */

import { IdMap } from "../../call/id_map.ts";
import { BatchService } from "../../../proto/gen/vrpc/v1/batch_pb.ts";
import { Metadata } from "../../call/metadata.ts";
import { checkRange, whole } from "../../limits/ranges.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import { ProtocolError, RpcError } from "../../errors.ts";
import {
  BATCH_METHOD,
  type BatchRequestSink,
  BatchResponseWriter,
  DEFAULT_MAX_REPLY_BYTES,
  MAX_METHOD_REFS,
  readBatchRequest,
} from "./messages.ts";
import type { Router } from "../dispatch/router.ts";
import type { HandlerContext } from "../core/types.ts";

/** Options of {@link addBatch}. */
export interface BatchServerOptions {
  /** Calls that run at once for one stream; more get RESOURCE_EXHAUSTED. 1 or more. Default 1,024. */
  maxCalls?: number;
  /** Replies that wait for a slow reader, in bytes, above which no more calls are taken; 1 or more. Default 1 MiB. */
  maxBufferedBytes?: number;
}

// Replies are sent when so much has gathered, also within a turn.
const FLUSH_BYTES = 65536;

/**
 * Lets clients send their unary calls in batches. Throws RangeError for options out of range. Handlers don't notice,
 * but for `context.wire`, which is `"batch"`.
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
      throw new RpcError(Status.UNIMPLEMENTED, "Batches can't be nested");
    }
    const accept = router.openNested(context.peer);
    return new BatchSession(context, accept, maxCalls, maxBufferedBytes).run(requests);
  });
  router.registry.addService(BatchService);
}

/** One batch stream. */
class BatchSession implements BatchRequestSink {
  readonly #context: HandlerContext;
  readonly #accept: (call: ServerCall) => void;
  #maxCalls: number;
  #maxBufferedBytes: number;
  #maxReplyBytes = DEFAULT_MAX_REPLY_BYTES;
  #methods: (string | undefined)[] = [];
  #open = new IdMap<BatchServerCall>();
  /** Calls whose handlers have not ended, given up ones included. */
  #running = 0;
  #writer = new BatchResponseWriter();
  #bufferedBytes = 0;
  #flushQueued = false;
  /** Resolves what waits for calls to end, or for replies to be taken. */
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

  /** Serves the stream; resolves when the caller has ended it and all replies were taken. */
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
      this.#abandon();
    }
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
    if (id === 0 || this.#open.has(id)) throw broken(`the call id ${id} is in use or 0`);
    if (this.#running >= this.#maxCalls) {
      this.#reply(
        id,
        Status.RESOURCE_EXHAUSTED,
        `${this.#running} batched calls run, limit is ${this.#maxCalls}`,
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
    this.#open.get(id)?.cancel(Status.CANCELLED, "The caller cancelled");
  }

  onMaxReplyBytes(count: number): void {
    this.#maxReplyBytes = count;
  }

  /** A call ended with a reply. */
  ended(
    call: BatchServerCall,
    code: Status,
    message: string,
    trailers: Metadata | undefined,
  ): void {
    const { id, payload, headers } = call;
    this.#open.delete(id);
    if (code === Status.OK && payload === undefined) {
      this.#reply(id, Status.INTERNAL, `The method ${call.path} ended without a reply`);
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
      this.#queueFlush();
    } else {
      this.#reply(id, code, message, headers, trailers);
    }
  }

  /** A call was given up: nobody waits for its reply. */
  dropped(id: number): void {
    this.#open.delete(id);
    this.#wakeUp();
  }

  /** A handler has ended. */
  handlerDone(): void {
    this.#running--;
    this.#wakeUp();
  }

  #resolve(method: string, ref: number): string {
    if (ref === 0) {
      if (method === "") throw broken("a call names no method");
      return method;
    }
    if (ref > MAX_METHOD_REFS) throw broken(`method_ref ${ref} is over ${MAX_METHOD_REFS}`);
    if (method !== "") return this.#methods[ref] = method;
    const known = this.#methods[ref];
    if (known === undefined) throw broken(`method_ref ${ref} stands for nothing`);
    return known;
  }

  #reply(
    id: number,
    code: Status,
    message: string,
    headers?: Metadata,
    trailers?: Metadata,
  ): void {
    this.#writer.reply(id, code, message, NOTHING, headers, trailers);
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

  /** Gives up what is still open when the stream is over. */
  #abandon(): void {
    if (this.#open.size === 0) return;
    const { signal } = this.#context;
    const reason = signal.aborted
      ? RpcError.from(signal.reason)
      : new RpcError(Status.CANCELLED, "The batch stream ended");
    for (const call of [...this.#open.values()]) call.cancel(reason.code, reason.message);
  }

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

const NOTHING = new Uint8Array(0);

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** One call of a batch, as the rpc layer sees calls. */
class BatchServerCall implements ServerCall {
  readonly id: number;
  readonly path: string;
  readonly timeoutMs: number;
  readonly encoding = "identity";
  readonly acceptsGzip = false;
  readonly authority = "";
  readonly writable = true;
  sink: ServerCallSink = NO_SINK;
  closed = false;
  payload: Uint8Array | undefined = undefined;
  headers: Metadata | undefined = undefined;
  #session: BatchSession;
  #metadata: Metadata | undefined;
  #done = false;

  constructor(
    session: BatchSession,
    id: number,
    path: string,
    timeoutMs: number,
    metadata: Metadata | undefined,
  ) {
    this.#session = session;
    this.id = id;
    this.path = path;
    this.timeoutMs = timeoutMs;
    this.#metadata = metadata;
  }

  get metadata(): Metadata {
    return this.#metadata ??= new Metadata();
  }

  sendHeaders(metadata?: Metadata): void {
    this.headers = metadata;
  }

  sendMessage(message: Uint8Array): void {
    if (this.closed) return;
    if (this.payload === undefined) {
      this.payload = message;
      return;
    }
    // A method with many replies can't be called in a batch; what it sends further is not wanted.
    this.sendStatus(
      Status.UNIMPLEMENTED,
      `The method ${this.path} has many replies: call it singly`,
    );
    this.sink.onCancel(Status.CANCELLED, "Only one reply fits into a batch");
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) return;
    this.closed = true;
    this.#session.ended(this, code, message, trailers);
  }

  respond(message: Uint8Array): void {
    this.payload = message;
    this.sendStatus(Status.OK, "");
  }

  setReadPaused(): void {}

  handlerDone(): void {
    if (this.#done) return;
    this.#done = true;
    this.#session.handlerDone();
  }

  /** Gives the call up. */
  cancel(code: Status, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.sink.onCancel(code, reason);
    this.#session.dropped(this.id);
  }
}

function broken(what: string): ProtocolError {
  return new ProtocolError("stream", 0, `Cannot read a batch: ${what}`);
}
