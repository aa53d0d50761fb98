/**
 * One call on a server, between a wire's engine and the dispatcher.
 *
 * A call with a single request starts its handler at the caller's half-close, a call with a stream of requests at once.
 * For the wire a call is over when its status was sent or the caller cancelled it; its slot is freed when its handler
 * has ended too.
 *
 * @module
 */

import { releaseMessage } from "../../bytes/pool.ts";
import { clientStreams, serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import { compressWhenSmaller } from "../../codec/compression.ts";
import { deadlineExceeded, RpcError } from "../../errors.ts";
import { runWithContext } from "../core/current_context.ts";
import type { DeadlineHandle, DeadlineQueue } from "../core/deadline_queue.ts";
import type { MethodInfo } from "../core/types.ts";
import { type CallConnection, CallContext } from "../dispatch/call_context.ts";
import type { Dispatcher, DispatchReply } from "../dispatch/dispatcher.ts";
import { EncodedReplies, encodeReply } from "../dispatch/invoke.ts";
import { inflateRequest, memoryUsedUp } from "../dispatch/inflate_request.ts";
import { RequestStream } from "../dispatch/request_stream.ts";
import { errorTrailers, sharedCancelError, timeLimitError } from "./call_errors.ts";

// The number of calls bounds the memory of requests up to this length that wait for their half-close.
const SMALL_REQUEST_BYTES = 16_384;

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** How a call ends: with its single reply, with undefined after streamed replies, or with an error. */
type Outcome = Uint8Array | undefined | RpcError;

/** Server around a {@link ServerCallHandler}. */
export interface CallEnvironment {
  /** Runs calls. */
  readonly dispatcher: Dispatcher;
  /** Holds the deadlines of all calls. */
  readonly deadlines: DeadlineQueue;
  /** Whether replies are compressed unless the handler decides otherwise. */
  readonly compress: boolean;
  /** Largest decompressed request, in bytes. */
  readonly maxReceiveMessageBytes: number;
  /** Counts a call that ended with `code`. Called once per call. */
  ended(code: Status): void;
  /** Logs what a handler threw other than an RpcError. */
  handlerFailed(method: MethodInfo, error: unknown): void;
}

/** Runs one call: takes the wire's events, dispatches the requests, sends replies and status. */
export class ServerCallHandler implements ServerCallSink {
  readonly #environment: CallEnvironment;
  readonly #call: ServerCall;
  readonly #context: CallContext;
  readonly #method: MethodInfo;
  #request: Uint8Array | undefined = undefined;
  #requests: RequestStream | undefined = undefined;
  /** Bytes counted for the request: while it waits for its half-close; when it was compressed, until the handler ends. */
  #heldBytes = 0;
  #deadline: DeadlineHandle | undefined = undefined;
  #completed = false;
  #handlerRuns = false;
  #iterator: AnyIterator | undefined = undefined;
  #resume: (() => void) | undefined = undefined;

  /** Sets up a call. `start` must follow once `call.sink` is set. */
  constructor(
    environment: CallEnvironment,
    call: ServerCall,
    connection: CallConnection,
    method: MethodInfo,
  ) {
    this.#environment = environment;
    this.#call = call;
    this.#method = method;
    this.#context = new CallContext(call, connection, method, environment.compress);
    this.#context.owner = this;
    if (call.timeoutMs !== Infinity) this.#setDeadline(call.timeoutMs, () => this.#onDeadline());
  }

  /** Ends the call `timeoutMs` from now, unless its deadline is sooner. */
  tightenDeadline(timeoutMs: number): void {
    this.#setDeadline(timeoutMs, () => this.#onDeadline(timeoutMs));
  }

  #setDeadline(timeoutMs: number, onPassed: () => void): void {
    const context = this.#context;
    const nowMs = context.connection.clock.now();
    const atMs = nowMs + timeoutMs;
    if (this.#completed || atMs >= context.deadlineAtMs) return;
    this.#clearDeadline();
    context.deadlineAtMs = atMs;
    this.#deadline = this.#environment.deadlines.add(atMs, onPassed, nowMs);
  }

  /** Starts the handler of a method with a stream of requests. */
  start(): void {
    if (!clientStreams(this.#method.kind)) return;
    this.#requests = new RequestStream(
      this.#call,
      this.#environment.maxReceiveMessageBytes,
      this.#context.connection.memory,
    );
    this.#context.requests = this.#requests;
    this.#run(this.#requests);
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#requests) {
      if (this.#requests.push(message, compressed)) return;
      this.#complete(memoryUsedUp(message.length));
    } else if (this.#completed) {
      return;
    } else if (this.#request !== undefined) {
      this.#complete(
        new RpcError(
          Status.UNIMPLEMENTED,
          `Method ${this.#method.path} takes 1 request, the caller sent more`,
        ),
      );
    } else if (compressed) {
      this.#takeCompressed(message);
    } else if (message.length <= SMALL_REQUEST_BYTES || this.#hold(message.length)) {
      this.#request = message;
    }
  }

  #hold(bytes: number): boolean {
    const allowed = this.#context.connection.memory.tryTake(bytes);
    if (allowed) this.#heldBytes = bytes;
    else this.#complete(memoryUsedUp(bytes));
    return allowed;
  }

  #takeCompressed(message: Uint8Array): void {
    try {
      this.#request = inflateRequest(
        message,
        this.#call,
        this.#environment.maxReceiveMessageBytes,
        this.#context.connection.memory,
      );
      this.#heldBytes = this.#request.length;
      this.#context.requests = { lastCompressed: true };
    } catch (error) {
      this.#complete(RpcError.from(error));
    }
  }

  onHalfClose(): void {
    if (this.#requests) {
      this.#requests.end();
    } else if (this.#completed) {
      return;
    } else if (this.#request === undefined) {
      this.#complete(
        new RpcError(
          Status.UNIMPLEMENTED,
          `Method ${this.#method.path} takes 1 request, the caller sent none`,
        ),
      );
    } else {
      const request = this.#request;
      this.#request = undefined;
      if (!this.#context.requests.lastCompressed) this.#release();
      this.#run(request);
    }
  }

  onCancel(code: Status, reason: string): void {
    if (this.#completed) return;
    this.#complete(sharedCancelError(this.#context.connection, code, reason), true);
  }

  onWritable(): void {
    const resume = this.#resume;
    if (!resume) return;
    this.#resume = undefined;
    resume();
  }

  #onDeadline(limitMs?: number): void {
    if (this.#completed) return;
    this.#complete(limitMs === undefined ? deadlineExceeded() : timeLimitError(limitMs));
  }

  // ---- the handler ---------------------------------------------------------------------------------------

  #run(request: Uint8Array | RequestStream): void {
    const { dispatcher } = this.#environment;
    const context = this.#context;
    // The timer of a deadline runs after the frames that were read with it.
    if (context.timeRemainingMs() <= 0) return this.#onDeadline();
    this.#handlerRuns = true;
    let reply: DispatchReply | Promise<DispatchReply>;
    try {
      reply = context.deadlineAtMs === Infinity
        ? dispatcher.dispatch(this.#method, request, context, true)
        : runWithContext(
          context,
          () => dispatcher.dispatch(this.#method, request, context, true),
        );
    } catch (error) {
      this.#handlerFailed(error);
      return;
    }
    if (reply instanceof Uint8Array) {
      this.#handlerEnded(reply);
    } else if (typeof (reply as Promise<unknown>).then === "function") {
      (reply as Promise<DispatchReply>).then(
        (settled) => this.#onReply(settled),
        (error) => this.#handlerFailed(error),
      );
    } else {
      this.#onReply(reply as AsyncIterable<Uint8Array>);
    }
  }

  #onReply(reply: DispatchReply): void {
    const single = reply instanceof Uint8Array;
    if (serverStreams(this.#method.kind) === single) {
      const text = `The dispatcher answered ${this.#method.path} ` +
        (single ? "with a single reply, expected a stream" : "without a single reply");
      this.#handlerFailed(new TypeError(text));
    } else if (single) {
      this.#handlerEnded(reply);
    } else if (this.#context.deadlineAtMs === Infinity) {
      this.#sendReplies(reply);
    } else {
      // A generator runs in the async context of the code that calls `next`.
      runWithContext(this.#context, () => this.#sendReplies(reply));
    }
  }

  /** Sends replies as the handler yields them and as the wire has room. */
  async #sendReplies(replies: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      // Reads the handler's own iterable: a generator in between costs time for each message.
      const encoded = replies instanceof EncodedReplies ? replies : undefined;
      const iterator = iteratorOf(encoded ? encoded.source : replies);
      this.#iterator = iterator;
      while (!this.#completed) {
        if (this.#call.closed) {
          // Without an `onCancel`; a generator that never awaits would block the thread for ever.
          this.#complete(
            new RpcError(Status.INTERNAL, "The call was closed while it sent replies"),
          );
          break;
        }
        if (!this.#call.writable) {
          await new Promise<void>((resume) => this.#resume = resume);
          continue;
        }
        // Awaits async iterables alone: sync ones answer at once.
        const step = iterator.next();
        const result = "then" in step ? await step : step;
        if (this.#completed) break;
        if (result.done) {
          this.#iterator = undefined;
          this.#handlerEnded(undefined);
          return;
        }
        this.#sendMessage(
          encoded ? encodeReply(encoded.codec, result.value, true) : result.value as Uint8Array,
        );
      }
      // The handler has ended once the `finally` blocks of its generator have run.
      await iterator.return?.();
      this.#handlerEnded(undefined);
    } catch (error) {
      this.#handlerFailed(error);
      // After a reply that could not be encoded, the generator is still suspended.
      this.#stopIterator();
    }
  }

  #handlerEnded(outcome: Outcome): void {
    this.#handlerRuns = false;
    this.#complete(outcome);
  }

  #handlerFailed(error: unknown): void {
    if (this.#completed) return this.#handlerEnded(undefined);
    if (error instanceof RpcError) return this.#handlerEnded(error);
    this.#environment.handlerFailed(this.#method, error);
    this.#handlerEnded(new RpcError(Status.UNKNOWN, "The handler failed", { cause: error }));
  }

  // ---- the end -------------------------------------------------------------------------------------------

  /**
   * Ends the call with `outcome`, unless it has ended; frees its slot when its handler does not run. `cancelled` says
   * that the wire takes no status any more.
   */
  #complete(outcome: Outcome, cancelled = false): void {
    if (!this.#completed) {
      this.#completed = true;
      this.#clearDeadline();
      let code: Status = Status.OK;
      if (outcome instanceof RpcError) {
        code = outcome.code;
        // An error that a handler passes on may have the code OK.
        if (code === Status.OK) code = Status.UNKNOWN;
        if (!cancelled) this.#sendError(outcome, code);
      } else {
        this.#sendOk(outcome);
      }
      this.#environment.ended(code);
      if (this.#handlerRuns) this.#abandonHandler(outcome as RpcError);
      else this.#requests?.return();
      this.#request = undefined;
    }
    if (this.#handlerRuns) return;
    this.#release();
    this.#requests?.releaseInflated();
    this.#call.handlerDone();
  }

  #release(): void {
    if (this.#heldBytes === 0) return;
    this.#context.connection.memory.give(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Fires the handler's signal and ends what it may wait for. */
  #abandonHandler(reason: RpcError): void {
    this.#context.abort(reason);
    this.#requests?.fail(reason);
    this.onWritable();
    this.#stopIterator();
  }

  /** Wakes iterables that react to `return()`; a generator that awaits something else goes on until that settles. */
  #stopIterator(): void {
    const iterator = this.#iterator;
    if (!iterator?.return) return;
    try {
      const ended = iterator.return() as unknown;
      if (ended instanceof Promise) ended.catch(() => {});
    } catch {
      // The status is already decided.
    }
  }

  #clearDeadline(): void {
    if (this.#deadline === undefined) return;
    this.#environment.deadlines.cancel(this.#deadline);
    this.#deadline = undefined;
  }

  // ---- to the wire ---------------------------------------------------------------------------------------

  #sendOk(reply: Uint8Array | undefined): void {
    const context = this.#context;
    if (reply !== undefined) {
      if (
        context.headers === undefined && context.trailers === undefined && !context.headersSent &&
        !context.compress
      ) {
        return this.#call.respond(reply);
      }
      this.#sendMessage(reply);
    } else if (!context.headersSent && context.headers !== undefined) {
      context.sendHeaders();
    }
    this.#call.sendStatus(Status.OK, "", context.trailers);
  }

  #sendMessage(message: Uint8Array): void {
    const context = this.#context;
    if (!context.headersSent && (context.headers !== undefined || context.compress)) {
      context.sendHeaders();
    }
    context.headersSent = true;
    const smaller = context.gzipAnnounced && context.compress
      ? compressWhenSmaller(message)
      : undefined;
    this.#call.sendMessage(smaller ?? message, smaller !== undefined);
    if (smaller !== undefined) releaseMessage(message);
  }

  #sendError(error: RpcError, code: Status): void {
    const context = this.#context;
    if (!context.headersSent && context.headers !== undefined) context.sendHeaders();
    this.#call.sendStatus(code, error.message, errorTrailers(error, code, context.trailers));
  }
}

function iteratorOf(replies: AsyncIterable<unknown> | Iterable<unknown>): AnyIterator {
  return Symbol.asyncIterator in replies
    ? replies[Symbol.asyncIterator]()
    : replies[Symbol.iterator]();
}
