/**
 * Unary calls without interceptors. One object per call is the request, the engine's sink, the entry in the queue for a
 * connection and the owner of the Promise, which saves allocations.
 *
 * @module
 */

import { LOST_MESSAGE } from "../../bytes/lost_message.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { CallProgress, CallRequest, ClientCall } from "../../call/wire.ts";
import { decompress } from "../../codec/compression.ts";
import { deadlineExceeded, errorFromOutside, RpcError } from "../../errors.ts";
import { type Abortable, unwatchAbort, watchAbort } from "./abort_fanout.ts";
import {
  type CallCore,
  cardinalityError,
  checkSendSize,
  type ClientMethod,
  compressAsked,
  deadlineOf,
  decodeReply,
  hasPassed,
  type OutgoingRequest,
  ownMetadata,
  startError,
  statusError,
} from "./call_core.ts";
import { abortError, nameCall, rejectAtCaller } from "./call_error.ts";
import { retryTransparently, type TransparentlyRetried } from "./transparent_retry.ts";
import type { Connection } from "../pool/connection.ts";
import { type AttemptKind, type AttemptListener, attemptListenerOf } from "../core/attempts.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import type { OpenClientCall } from "../core/open_calls.ts";
import type { PickWaiter } from "../pool/pick_queue.ts";
import type { CallOptions } from "../core/types.ts";

// `resolve` function of the Promise that was created last: its executor `capture` stores it here. One executor for all
// calls saves a closure per call.
let resolveNew: (value: unknown) => void;
function capture(resolve: (value: unknown) => void): void {
  resolveNew = resolve;
}

/** Connection of a call, or a RoutedCall, whose methods never throw. */
interface Route {
  readonly address: string | undefined;
  callEnded?(code: Status, trailers: () => Metadata | undefined): void;
  engineFailed?(error: unknown): void;
  callOver?(call: OpenClientCall): void;
}

const NO_TRAILERS = () => undefined;

/** Makes a unary call. Rejects with an RpcError. Throws TypeError or RangeError for options out of range. */
export function callUnary<T>(
  core: CallCore,
  method: ClientMethod,
  payload: Uint8Array,
  options: CallOptions | undefined,
): Promise<T> {
  const { resolvedConfig } = core;
  const current = resolvedConfig === undefined ? method : resolvedConfig.current(method);
  return new UnaryCall(core, current, payload, options).begin() as Promise<T>;
}

class UnaryCall
  implements
    CallRequest,
    OutgoingRequest,
    OpenClientCall,
    PickWaiter,
    Abortable,
    TransparentlyRetried {
  // Fields of CallRequest.
  readonly path: string;
  readonly metadata: Metadata | undefined;
  timeoutMs: number | undefined = undefined;
  encoding: string | undefined = undefined;
  readonly singleResponse = true;
  readonly maxReceiveMessageBytes: number;
  readonly authority: string | undefined;
  readonly requestStreams = false;
  // Fields of OutgoingRequest.
  readonly method: ClientMethod;
  readonly deadlineMs: number;
  readonly waitForReady: boolean;

  readonly core: CallCore;
  readonly options: CallOptions | undefined;
  payload: Uint8Array;
  /** Length of `payload` when the caller passed it: its buffer may be detached while the call waits to be sent. */
  payloadBytes: number;
  call: ClientCall | undefined = undefined;
  /** The connection of the call, or the RoutedCall that picks its connections. */
  route: Route | undefined = undefined;
  queueSlot = -1;
  abortSlot = -1;
  openSlot = -1;
  ended = false;
  deadline: DeadlineHandle | undefined = undefined;
  message: Uint8Array | undefined = undefined;
  messageCompressed = false;
  compressed = false;
  headersReported = false;
  unprocessedAttempts = 0;
  refused = false;
  resolve: (value: unknown) => void;
  readonly promise: Promise<unknown>;

  constructor(
    core: CallCore,
    method: ClientMethod,
    payload: Uint8Array,
    options: CallOptions | undefined,
  ) {
    this.core = core;
    this.method = method;
    this.payload = payload;
    this.payloadBytes = payload.length;
    this.options = options;
    this.path = method.path;
    this.maxReceiveMessageBytes = method.maxReceiveBytes;
    this.authority = core.authority;
    this.waitForReady = method.waitForReady;
    this.metadata = undefined;
    this.deadlineMs = deadlineOf(core, method, options);
    if (options !== undefined) {
      this.metadata = ownMetadata(options.metadata);
      if (options.waitForReady !== undefined) this.waitForReady = options.waitForReady;
    }
    this.promise = new Promise(capture);
    this.resolve = resolveNew;
  }

  get waitForReadyOption(): boolean | undefined {
    return this.options?.waitForReady;
  }

  begin(): Promise<unknown> {
    const { core, options, method } = this;
    try {
      checkSendSize(method, this.payload);
    } catch (error) {
      this.fail(error as RpcError);
      return this.promise;
    }
    const signal = options?.signal;
    if (signal !== undefined) {
      if (signal.aborted) {
        this.onAbort(signal.reason);
        return this.promise;
      }
      watchAbort(signal, this);
    }
    if (this.deadlineMs !== Infinity) {
      const nowMs = core.clock.now();
      if (this.deadlineMs <= nowMs) {
        this.fail(deadlineExceeded());
        return this.promise;
      }
      this.deadline = core.deadlines.add(this.deadlineMs, () => this.onDeadline(), nowMs);
    }
    if (options?.compress ?? core.compress) {
      this.compress();
      if (this.ended) return this.promise;
    }
    const { compressed } = this;
    if (method.hasPolicy) {
      this.call = this.route = core.starter.start(this, this);
      this.call.sendLastMessage(this.payload, compressed);
    } else if (core.batcher !== undefined && !compressed && core.batcher.accepts(this.payload)) {
      this.call = this.route = core.batcher.start(this, this.payload, this);
    } else {
      this.start("first");
    }
    return this.promise;
  }

  compress(): void {
    const { encoding } = this.core;
    this.encoding = encoding;
    try {
      const smaller = compressAsked(this.payload, this.options?.compress, encoding);
      if (smaller === undefined) return;
      this.payload = smaller;
      this.payloadBytes = smaller.length;
      this.compressed = true;
    } catch (error) {
      this.fail(startError(error));
    }
  }

  get attemptListener(): AttemptListener | undefined {
    return attemptListenerOf(this.options);
  }

  start(kind: AttemptKind): void {
    this.attemptListener?.began(kind);
    const connection = this.core.pool.tryPick(this);
    if (connection !== undefined) {
      this.onPick(connection);
    } else {
      this.core.pool.enqueue(this);
    }
  }

  restart(): void {
    if (this.ended) return;
    if (hasPassed(this.deadlineMs, this.core.clock)) this.fail(deadlineExceeded());
    else this.start("transparent_retry");
  }

  onPick(connection: Connection): void {
    if (this.deadlineMs !== Infinity) {
      this.timeoutMs = this.deadlineMs - this.core.clock.now();
      if (this.timeoutMs <= 0) return this.fail(deadlineExceeded());
    }
    this.route = connection;
    if (this.payload.length !== this.payloadBytes) {
      return this.fail(new RpcError(Status.INTERNAL, LOST_MESSAGE));
    }
    const { attemptListener } = this;
    if (attemptListener === undefined) this.send(connection);
    else attemptListener.picked(connection.peerAddress, () => this.send(connection));
  }

  send(connection: Connection): void {
    try {
      this.call = connection.startCall(this, this);
    } catch (error) {
      return this.fail(startError(error));
    }
    try {
      this.call.sendLastMessage(this.payload, this.compressed);
    } catch (error) {
      this.fail(startError(error));
      connection.engineFailed(error);
    }
  }

  /** Cancels the attempt of a call that has ended. Never throws. */
  cancelCall(): void {
    try {
      this.call?.cancel();
    } catch (error) {
      this.route?.engineFailed?.(error);
    }
  }

  /** Removes the call from those of its connection, which gets its status. */
  leave(code: Status, trailers: () => Metadata | undefined): void {
    if (this.openSlot >= 0) this.route!.callOver!(this);
    if (this.call !== undefined) this.route!.callEnded?.(code, trailers);
  }

  onPickFailed(code: Status, message: string): void {
    this.fail(errorFromOutside(code, message));
  }

  // ---- from the engine ---------------------------------------------------------------------------------

  onHeaders(metadata: () => Metadata): void {
    const onHeaders = this.options?.onHeaders;
    if (onHeaders === undefined || this.headersReported || this.ended) return;
    this.headersReported = true;
    this.core.failures.invoke("onHeaders", onHeaders, metadata());
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.ended) return;
    if (this.message !== undefined) return this.cancelWith(cardinalityError(this.path, "several"));
    this.message = message;
    this.messageCompressed = compressed;
    const onMessage = this.options?.onMessage;
    if (onMessage !== undefined) {
      this.core.failures.invoke("onMessage", onMessage, { bytes: message.length, compressed });
    }
  }

  onStatus(
    code: Status,
    message: string,
    trailers: () => Metadata,
    progress: CallProgress,
  ): void {
    if (this.ended) return;
    if (code === Status.OK) {
      if (this.message === undefined) return this.fail(cardinalityError(this.path, "no"), trailers);
      return this.succeed(trailers);
    }
    // Calls with a retry or hedging policy are retried by `core.starter`.
    if (!this.method.hasPolicy && retryTransparently(this, progress)) {
      this.leave(code, trailers);
      this.attemptListener?.ended(code);
      this.call = undefined;
      return;
    }
    const late = this.deadlineMs <= this.core.clock.now();
    this.fail(statusError(code, message, trailers(), late), trailers);
  }

  onWritable(): void {}

  // ---- end ---------------------------------------------------------------------------------------------

  onDeadline(): void {
    this.deadline = undefined;
    this.cancelWith(deadlineExceeded());
  }

  onAbort(reason: unknown): void {
    if (this.ended) return;
    const error = abortError(reason);
    this.end(Status.CANCELLED, NO_TRAILERS);
    this.reject(error === reason ? error : this.named(error));
    this.cancelCall();
  }

  cancelWith(error: RpcError): void {
    if (this.ended) return;
    this.fail(error);
    this.cancelCall();
  }

  succeed(trailers: () => Metadata): void {
    let reply: unknown;
    try {
      let message = this.message!;
      if (this.messageCompressed) {
        message = decompress(message, this.encodingOfReply(), this.maxReceiveMessageBytes);
      }
      reply = decodeReply(this.method, message);
    } catch (error) {
      return this.fail(RpcError.from(error), trailers);
    }
    this.end(Status.OK, trailers);
    this.resolve(reply);
  }

  encodingOfReply(): string {
    try {
      return this.call!.encoding;
    } catch (error) {
      this.route?.engineFailed?.(error);
      throw error;
    }
  }

  fail(error: RpcError, trailers: () => Metadata | undefined = NO_TRAILERS): void {
    if (this.ended) return;
    this.end(error.code, trailers);
    this.reject(this.named(error));
  }

  named(error: RpcError): RpcError {
    return nameCall(error, this.path, this.route?.address ?? this.core.target);
  }

  reject(error: RpcError): void {
    this.resolve(rejectAtCaller(error));
  }

  end(code: Status, trailers: () => Metadata | undefined): void {
    this.ended = true;
    this.leave(code, trailers);
    if (this.deadline !== undefined) this.core.deadlines.cancel(this.deadline);
    if (this.queueSlot >= 0) this.core.pool.dequeue(this);
    const { options } = this;
    if (options === undefined) return;
    if (options.signal !== undefined) unwatchAbort(options.signal, this);
    if (options.onTrailers !== undefined) {
      const metadata = trailers();
      if (metadata !== undefined) {
        this.core.failures.invoke("onTrailers", options.onTrailers, metadata);
      }
    }
  }
}
