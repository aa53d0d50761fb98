/**
 * One call on a server, between a wire's engine and the dispatcher.
 *
 * A call with a single request starts its handler at the caller's half-close, a call with a stream of requests at once.
 * For the wire a call is over when its status was sent or the caller cancelled it; its slot is freed when its handler
 * has ended too.
 *
 * @module
 */

import { isBytes, plainBytes } from "../../bytes/is_bytes.ts";
import { clientStreams, serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import { deadlineExceeded, isInstance, RpcError } from "../../errors.ts";
import { runWithContext } from "../core/current_context.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import { ignoreRejection } from "../core/promises.ts";
import type { MethodInfo } from "../core/types.ts";
import type { CallState } from "../dispatch/call_context.ts";
import type { DispatchReply } from "../dispatch/dispatcher.ts";
import { checkedReply, EncodedReplies, encodeReply, isThenable } from "../dispatch/invoke.ts";
import type { SlotWaiter } from "../dispatch/handler_slots.ts";
import { inflateRequest, memoryUsedUp } from "../dispatch/inflate_request.ts";
import { RequestStream } from "../dispatch/request_stream.ts";
import type { CallEnvironment } from "./call_environment.ts";
import {
  sharedCancelError,
  timeLimitError,
  wrongCountError,
  wrongReplyError,
} from "./call_errors.ts";
import { type AnyIterator, iteratorOf, sendError, sendMessage, sendOk } from "./reply_sending.ts";
import { sendableError } from "./sendable_error.ts";

// Requests up to this length are not charged to the memory pool while they wait for their half-close: the number of
// calls bounds them.
const SMALL_REQUEST_BYTES = 16_384;

/** How a call ends: with its single reply, with undefined after streamed replies, or with an error. */
type Outcome = Uint8Array | undefined | RpcError;

/** Runs one call: handles the wire's events, dispatches the requests, sends replies and status. */
export class ServerCallHandler implements ServerCallSink, SlotWaiter {
  readonly #environment: CallEnvironment;
  readonly #call: ServerCall;
  readonly #state: CallState;
  readonly #method: MethodInfo;
  #request: Uint8Array | undefined = undefined;
  #requests: RequestStream | undefined = undefined;
  /** Bytes charged for the request: while it waits for its half-close; if it was compressed, until the handler ends. */
  #heldBytes = 0;
  #deadline: DeadlineHandle | undefined = undefined;
  #completed = false;
  /**
   * Status with which the wire ended the call instead of the one sent, such as INTERNAL for trailers that are too
   * large.
   */
  #wireCode: Status | undefined = undefined;
  #handlerRuns = false;
  #iterator: AnyIterator | undefined = undefined;
  #resume: (() => void) | undefined = undefined;

  /** Sets up a call. `start` must follow once `call.sink` is set. */
  constructor(environment: CallEnvironment, state: CallState) {
    const { call } = state;
    this.#environment = environment;
    this.#call = call;
    this.#method = state.method;
    this.#state = state;
    state.owner = this;
    if (call.timeoutMs !== Infinity) this.#setDeadline(call.timeoutMs, () => this.#onDeadline());
  }

  /** Ends the call `timeoutMs` from now, unless its deadline is sooner. */
  tightenDeadline(timeoutMs: number): void {
    this.#setDeadline(timeoutMs, () => this.#onDeadline(timeoutMs));
  }

  #setDeadline(timeoutMs: number, onPassed: () => void): void {
    const state = this.#state;
    const nowMs = state.connection.clock.now();
    const atMs = nowMs + timeoutMs;
    if (this.#completed || atMs >= (state.deadlineAtMs ?? Infinity)) return;
    this.#clearDeadline();
    state.deadlineAtMs = atMs;
    this.#deadline = this.#environment.deadlines.add(atMs, onPassed, nowMs);
  }

  /** Logs what a listener of the context's signal threw. */
  listenerFailed(error: unknown): void {
    this.#environment.listenerFailed(this.#state, error);
  }

  /** Starts the handler of a method with a stream of requests. */
  start(): void {
    if (!clientStreams(this.#method.kind)) return;
    this.#requests = new RequestStream(
      this.#state,
      this.#environment.maxReceiveMessageBytes,
      this.#state.connection.memory,
    );
    this.#state.requests = this.#requests;
    this.#run();
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#requests) {
      this.#pushRequest(this.#requests, message, compressed);
    } else if (this.#completed) {
      return;
    } else if (this.#request !== undefined) {
      this.#complete(wrongCountError(this.#method, "more"));
    } else if (compressed) {
      this.#takeCompressed(message);
    } else if (message.length <= SMALL_REQUEST_BYTES || this.#hold(message.length)) {
      this.#request = message;
    }
  }

  #pushRequest(requests: RequestStream, message: Uint8Array, compressed: boolean): void {
    try {
      if (requests.push(message, compressed)) return;
      this.#complete(memoryUsedUp(message.length));
    } catch (error) {
      // The handler holds the stream of requests, and may have replaced its methods.
      this.#complete(sendableError(error, this.#state, this.#environment));
    }
  }

  #hold(bytes: number): boolean {
    const allowed = this.#state.connection.memory.tryTake(bytes);
    if (allowed) this.#heldBytes = bytes;
    else this.#complete(memoryUsedUp(bytes));
    return allowed;
  }

  #takeCompressed(message: Uint8Array): void {
    try {
      this.#request = inflateRequest(
        message,
        this.#state,
        this.#environment.maxReceiveMessageBytes,
        this.#state.connection.memory,
      );
      this.#heldBytes = this.#request.length;
      this.#state.requests = { lastCompressed: true };
    } catch (error) {
      this.#complete(RpcError.from(error));
    }
  }

  onHalfClose(): void {
    if (this.#requests) this.#endRequests();
    else if (this.#completed) return;
    else if (this.#request === undefined) this.#complete(wrongCountError(this.#method, "none"));
    else this.#run();
  }

  onCancel(code: Status, reason: string): void {
    if (this.#completed) {
      this.#wireCode ??= code;
      return;
    }
    this.#complete(sharedCancelError(this.#state.connection, code, reason), true);
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

  /** Runs the handler now, or queues the call while all handler slots of its connection are taken. */
  #run(): void {
    if (this.#state.connection.handlers.take(this)) this.startHandler();
  }

  startHandler(): void {
    const { dispatcher } = this.#environment;
    const state = this.#state;
    // The deadline is checked here too: its timer runs only after all frames of the same socket read were processed.
    if (state.timeRemainingMs() <= 0) {
      state.connection.handlers.release();
      return this.#onDeadline();
    }
    this.#handlerRuns = true;
    const request = this.#requests ?? this.#request as Uint8Array;
    this.#request = undefined;
    if (this.#requests === undefined && !state.requests.lastCompressed) this.#release();
    let reply: DispatchReply | Promise<DispatchReply>;
    try {
      reply = state.deadlineAtMs === undefined
        ? dispatcher.dispatch(this.#method, request, state.context, true)
        : runWithContext(
          state.context,
          () => dispatcher.dispatch(this.#method, request, state.context, true),
        );
    } catch (error) {
      this.#handlerFailed(error);
      return;
    }
    if (isBytes(reply)) return this.#onReply(reply);
    let promise: Promise<DispatchReply>;
    try {
      if (!isThenable(reply)) return this.#onReply(reply);
      // An application's thenable may settle twice; a promise settles once.
      promise = Promise.resolve(reply as PromiseLike<DispatchReply>);
    } catch (error) {
      return this.#handlerFailed(error);
    }
    promise.then(
      (settled) => this.#onReply(settled),
      (error) => this.#handlerFailed(error),
    );
  }

  #onReply(reply: DispatchReply): void {
    const single = isBytes(reply);
    const streams = serverStreams(this.#method.kind);
    if (streams === single || typeof reply !== "object" || reply === null) {
      this.#handlerFailed(wrongReplyError(this.#method, streams));
    } else if (single) {
      this.#handlerEnded(plainBytes(reply));
    } else if (this.#state.deadlineAtMs === undefined) {
      this.#sendReplies(reply);
    } else {
      // A generator runs in the async context of the code that calls `next`.
      runWithContext(this.#state.context, () => this.#sendReplies(reply));
    }
  }

  /** Sends replies as the handler yields them and as the wire has room. */
  async #sendReplies(replies: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      // Reads the handler's own iterable, because a generator in between costs time for each message.
      const encoded = isInstance(replies, EncodedReplies) ? replies : undefined;
      const iterator = iteratorOf(encoded ? encoded.source : replies);
      this.#iterator = iterator;
      while (!this.#completed) {
        if (this.#call.closed) {
          // Fails the call if the wire closed it without `onCancel`: a generator that never awaits would block the
          // thread for ever.
          this.#complete(
            new RpcError(Status.INTERNAL, "The call was closed while it sent replies"),
          );
          break;
        }
        if (!this.#state.writable) {
          if (!this.#completed) await new Promise<void>((resume) => this.#resume = resume);
          continue;
        }
        // Awaits only async iterables: sync ones return at once.
        const step = iterator.next();
        const result = "then" in step ? await step : step;
        if (this.#completed) break;
        if (result.done) {
          this.#iterator = undefined;
          this.#handlerEnded(undefined);
          return;
        }
        sendMessage(
          this.#call,
          this.#state,
          encoded ? encodeReply(encoded.codec, result.value, true) : checkedReply(result.value),
        );
      }
      // The handler has ended once the `finally` blocks of its generator have run.
      await iterator.return?.();
      this.#handlerEnded(undefined);
    } catch (error) {
      this.#handlerFailed(error);
      // A generator whose reply could not be encoded is still suspended at its `yield`.
      this.#stopIterator();
    }
  }

  #handlerEnded(outcome: Outcome): void {
    if (this.#handlerRuns) {
      this.#handlerRuns = false;
      this.#state.connection.handlers.release();
    }
    this.#complete(outcome);
  }

  #handlerFailed(error: unknown): void {
    if (this.#completed) return this.#handlerEnded(undefined);
    this.#handlerEnded(sendableError(error, this.#state, this.#environment));
  }

  // ---- the end -------------------------------------------------------------------------------------------

  /**
   * Ends the call with `outcome`, unless it has ended; frees its slot when its handler does not run. `cancelled`: the
   * wire accepts no status any more.
   */
  #complete(outcome: Outcome, cancelled = false): void {
    if (!this.#completed) {
      this.#completed = true;
      this.#clearDeadline();
      const code = this.#send(outcome, cancelled);
      this.#environment.ended(code);
      this.#state.ended(code);
      if (this.#handlerRuns) {
        this.#abandonHandler(outcome as RpcError);
      } else {
        this.#state.connection.handlers.leave(this);
        this.#tellRequests("return");
      }
      this.#request = undefined;
    }
    if (this.#handlerRuns) return;
    this.#release();
    this.#tellRequests("releaseInflated");
    this.#state.handlerDone();
  }

  #release(): void {
    if (this.#heldBytes === 0) return;
    this.#state.connection.memory.give(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Sends the end of the call. Returns the status with which it ended on the wire. */
  #send(outcome: Outcome, cancelled: boolean): Status {
    let code: Status = Status.OK;
    try {
      if (outcome instanceof RpcError) {
        code = outcome.code;
        if (cancelled) return code;
        sendError(this.#call, this.#state, outcome);
      } else {
        sendOk(this.#call, this.#state, outcome);
      }
    } catch (error) {
      // Safety net for replies that the wire rejects, and for defects of the engine; no known handler result gets here.
      this.#environment.handlerFailed(this.#state, error);
      code = Status.INTERNAL;
      this.#state.sendFailure("Cannot send the reply");
    }
    return this.#wireCode ?? code;
  }

  /** Aborts the handler's signal and ends its pending reads, writes and iterators with `reason`. */
  #abandonHandler(reason: RpcError): void {
    try {
      this.#state.abort(reason);
      this.#requests?.fail(reason);
    } catch (error) {
      // The handler holds the writer of replies and the stream of requests, and may have replaced their methods.
      this.listenerFailed(error);
    }
    this.onWritable();
    this.#stopIterator();
  }

  #endRequests(): void {
    try {
      this.#requests!.end();
    } catch (error) {
      this.#complete(sendableError(error, this.#state, this.#environment));
    }
  }

  #tellRequests(event: "return" | "releaseInflated"): void {
    try {
      this.#requests?.[event]();
    } catch (error) {
      this.listenerFailed(error);
    }
  }

  /** Wakes iterables that react to `return()`; a generator that awaits something else goes on until that settles. */
  #stopIterator(): void {
    try {
      ignoreRejection(this.#iterator?.return?.());
    } catch {
      // A failure of `return()` changes nothing: the status of the call is already decided.
    }
  }

  #clearDeadline(): void {
    if (this.#deadline === undefined) return;
    this.#environment.deadlines.cancel(this.#deadline);
    this.#deadline = undefined;
  }
}
