/**
 * One call on a server, between a wire's engine and the dispatcher.
 *
 * A call with a single request waits for it and for the end of the caller's side; one with many starts
 * its handler at once. A call is over for the wire when its status went out or the caller gave it up, and
 * over for good when its handler has ended as well: only then its slot is freed.
 *
 * @module
 */

import { releaseMessage } from "../../bytes/pool.ts";
import { Metadata } from "../../call/metadata.ts";
import { clientStreams, serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import { compressWhenSmaller, decompress } from "../../codec/compression.ts";
import { errorFromOutside, RpcError } from "../../errors.ts";
import type { CallHost } from "./call_host.ts";
import { type CallConnection, CallContext } from "../dispatch/call_context.ts";
import { runWithContext } from "../core/current_context.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import { DETAILS_KEY, encodeStatusDetails } from "../core/error_details.ts";
import type { DispatchReply } from "../dispatch/dispatcher.ts";
import { EncodedReplies, encodeReply } from "../dispatch/invoke.ts";
import { RequestStream } from "../dispatch/request_stream.ts";
import type { MethodInfo } from "../core/types.ts";

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

/**
 * Calls of a connection that end for the same reason share the error: making one for each, which V8 does in 5 µs even
 * without a stack, was a third of the time that it took to end the calls of a lost connection.
 */
function sharedCancelError(connection: CallConnection, code: Status, reason: string): RpcError {
  const last = connection.lastCancelError;
  if (last !== undefined && last.code === code && last.message === reason) return last;
  return connection.lastCancelError = errorFromOutside(code, reason);
}

/** Hears a call's events and answers it. */
export class ServerCallHandler implements ServerCallSink {
  readonly #host: CallHost;
  readonly #call: ServerCall;
  readonly #context: CallContext;
  readonly #method: MethodInfo;
  #request: Uint8Array | undefined = undefined;
  #requests: RequestStream | undefined = undefined;
  #deadline: DeadlineHandle | undefined = undefined;
  /** Whether the status went out or the call was given up. */
  #over = false;
  #running = false;
  #iterator: AnyIterator | undefined = undefined;
  #resume: (() => void) | undefined = undefined;

  constructor(host: CallHost, call: ServerCall, connection: CallConnection, method: MethodInfo) {
    this.#host = host;
    this.#call = call;
    this.#method = method;
    this.#context = new CallContext(call, connection, method, host.compress);
    this.#context.owner = this;
    if (call.timeoutMs !== Infinity) this.tightenDeadline(call.timeoutMs);
  }

  /** Ends the call after `timeoutMs` from now, unless its deadline is sooner. */
  tightenDeadline(timeoutMs: number): void {
    const context = this.#context;
    const nowMs = context.connection.clock.now();
    const atMs = nowMs + timeoutMs;
    if (this.#over || atMs >= context.deadlineAtMs) return;
    this.#clearDeadline();
    context.deadlineAtMs = atMs;
    this.#deadline = this.#host.deadlines.add(atMs, () => this.#onDeadline(timeoutMs), nowMs);
  }

  /** Starts what need not wait for a request. `call.sink` must be set. */
  start(): void {
    if (!clientStreams(this.#method.kind)) return;
    this.#requests = new RequestStream(this.#call, this.#host.maxReceiveMessageBytes);
    this.#context.requests = this.#requests;
    this.#run(this.#requests);
  }

  onMessage(message: Uint8Array, compressed: boolean): void {
    if (this.#requests) {
      this.#requests.push(message, compressed);
    } else if (this.#over) {
      return;
    } else if (this.#request !== undefined) {
      this.#reject(
        new RpcError(
          Status.UNIMPLEMENTED,
          `Method ${this.#method.path} takes 1 request, the caller sent more`,
        ),
      );
    } else if (compressed) {
      try {
        this.#request = decompress(
          message,
          this.#call.encoding,
          this.#host.maxReceiveMessageBytes,
        );
        this.#context.requests = { lastCompressed: true };
      } catch (error) {
        this.#reject(RpcError.from(error));
        this.#call.chargeFault?.();
      }
    } else {
      this.#request = message;
    }
  }

  onHalfClose(): void {
    if (this.#requests) {
      this.#requests.end();
    } else if (this.#over) {
      return;
    } else if (this.#request === undefined) {
      this.#reject(
        new RpcError(
          Status.UNIMPLEMENTED,
          `Method ${this.#method.path} takes 1 request, the caller sent none`,
        ),
      );
    } else {
      const request = this.#request;
      this.#request = undefined;
      this.#run(request);
    }
  }

  onCancel(code: Status, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.ended(code);
    this.#giveUp(sharedCancelError(this.#context.connection, code, reason));
    if (!this.#running) this.#call.handlerDone();
  }

  onWritable(): void {
    const resume = this.#resume;
    if (!resume) return;
    this.#resume = undefined;
    resume();
  }

  #onDeadline(timeoutMs: number): void {
    if (this.#over) return;
    this.#reject(
      new RpcError(
        Status.DEADLINE_EXCEEDED,
        `The deadline of ${Math.round(timeoutMs)} ms was exceeded`,
      ),
    );
  }

  /** Ends the call before its handler did, or before it was started. */
  #reject(error: RpcError): void {
    this.#sendError(error);
    this.#giveUp(error);
    if (!this.#running) this.#call.handlerDone();
  }

  /** Tells the handler that nobody waits for it any more. */
  #giveUp(reason: RpcError): void {
    this.#clearDeadline();
    this.#context.abort(reason);
    this.#requests?.fail(reason);
    this.#request = undefined;
    this.onWritable();
    // A generator may hang in its own await; this ends the iterables that can be woken.
    this.#stopIterator();
  }

  #stopIterator(): void {
    const iterator = this.#iterator;
    if (!iterator?.return) return;
    try {
      const ended = iterator.return() as unknown;
      if (ended instanceof Promise) ended.catch(() => {});
    } catch {
      // The call is over: nobody is left to be told.
    }
  }

  #clearDeadline(): void {
    if (this.#deadline === undefined) return;
    this.#host.deadlines.cancel(this.#deadline);
    this.#deadline = undefined;
  }

  #run(request: Uint8Array | RequestStream): void {
    this.#running = true;
    const { dispatcher } = this.#host;
    const context = this.#context;
    let reply: DispatchReply | Promise<DispatchReply>;
    try {
      reply = context.deadlineAtMs === Infinity
        ? dispatcher.dispatch(this.#method, request, context, true)
        : runWithContext(
          context,
          () => dispatcher.dispatch(this.#method, request, context, true),
        );
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (reply instanceof Uint8Array) {
      this.#finish(reply);
    } else if (typeof (reply as Promise<unknown>).then === "function") {
      (reply as Promise<DispatchReply>).then(
        (settled) => this.#settle(settled),
        (error) => this.#fail(error),
      );
    } else {
      this.#settle(reply as AsyncIterable<Uint8Array>);
    }
  }

  #settle(reply: DispatchReply): void {
    if (serverStreams(this.#method.kind)) {
      if (reply instanceof Uint8Array) {
        this.#fail(
          new TypeError(`The dispatcher answered ${this.#method.path} with a single reply`),
        );
      } else {
        // Generators run in the context of whoever asks them for the next value.
        if (this.#context.deadlineAtMs === Infinity) this.#pump(reply);
        else runWithContext(this.#context, () => this.#pump(reply));
      }
    } else if (reply instanceof Uint8Array) {
      this.#finish(reply);
    } else {
      this.#fail(new TypeError(`The dispatcher answered ${this.#method.path} without one reply`));
    }
  }

  /** The single reply is here. */
  #finish(reply: Uint8Array): void {
    this.#running = false;
    const call = this.#call;
    if (!this.#over) {
      this.#over = true;
      this.#clearDeadline();
      const context = this.#context;
      if (
        context.headers === undefined && context.trailers === undefined && !context.headersSent &&
        !context.compress
      ) {
        call.respond(reply);
      } else {
        this.#sendMessage(reply);
        call.sendStatus(Status.OK, "", context.trailers);
      }
      this.#host.ended(Status.OK);
      this.#requests?.return();
    }
    call.handlerDone();
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

  /** Sends replies as they come and as the wire takes them. */
  async #pump(replies: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      // The handler's own iterable is read directly: a generator in between costs for each message.
      const encoded = replies instanceof EncodedReplies ? replies : undefined;
      const iterator = iteratorOf(encoded ? encoded.source : replies);
      this.#iterator = iterator;
      while (!this.#over) {
        if (this.#call.closed) {
          // Whoever closed it said nothing: a generator that never waits would hold the thread for ever.
          this.#reject(new RpcError(Status.INTERNAL, "The call was closed while it sent replies"));
          break;
        }
        if (!this.#call.writable) {
          await new Promise<void>((resume) => this.#resume = resume);
          continue;
        }
        // Sync iterables answer at once.
        const step = iterator.next();
        const result = "then" in step ? await step : step;
        if (this.#over) break;
        if (result.done) {
          this.#iterator = undefined;
          this.#end();
          return;
        }
        this.#sendMessage(
          encoded ? encodeReply(encoded.codec, result.value, true) : result.value as Uint8Array,
        );
      }
      // Given up: the handler has ended when its generator has run its finally blocks.
      await iterator.return?.();
      this.#end();
    } catch (error) {
      this.#fail(error);
      // Where a reply could not be encoded, the generator still waits to go on.
      this.#stopIterator();
    }
  }

  /** All replies were sent, or nobody wants them. */
  #end(): void {
    this.#running = false;
    if (!this.#over) {
      this.#over = true;
      this.#clearDeadline();
      const context = this.#context;
      if (!context.headersSent && context.headers !== undefined) context.sendHeaders();
      this.#call.sendStatus(Status.OK, "", context.trailers);
      this.#host.ended(Status.OK);
      this.#requests?.return();
    }
    this.#call.handlerDone();
  }

  /** The handler threw, or rejected. */
  #fail(error: unknown): void {
    this.#running = false;
    if (!this.#over) {
      if (!(error instanceof RpcError)) this.#host.handlerFailed(this.#method, error);
      this.#sendError(
        error instanceof RpcError
          ? error
          : new RpcError(Status.UNKNOWN, "The handler failed", { cause: error }),
      );
      this.#clearDeadline();
      this.#requests?.return();
    }
    this.#call.handlerDone();
  }

  #sendError(error: RpcError): void {
    this.#over = true;
    const context = this.#context;
    // An error that a handler passes on may claim to be none.
    const code = (error.code as number) === Status.OK ? Status.UNKNOWN : error.code;
    if (!context.headersSent && context.headers !== undefined) context.sendHeaders();
    this.#call.sendStatus(code, error.message, errorTrailers(error, code, context.trailers));
    this.#host.ended(code);
  }
}

function errorTrailers(
  error: RpcError,
  code: Status,
  trailers: Metadata | undefined,
): Metadata | undefined {
  if (error.details.length === 0 && error.metadata.size === 0) return trailers;
  const all = trailers?.clone() ?? new Metadata();
  for (const [key, value] of error.metadata) all.appendReceived(key, value);
  if (error.details.length > 0) {
    all.set(DETAILS_KEY, encodeStatusDetails(code, error.message, error.details));
  }
  return all;
}

function iteratorOf(replies: AsyncIterable<unknown> | Iterable<unknown>): AnyIterator {
  return Symbol.asyncIterator in replies
    ? replies[Symbol.asyncIterator]()
    : replies[Symbol.iterator]();
}
