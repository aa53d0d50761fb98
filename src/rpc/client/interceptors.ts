/**
 * Client calls with interceptors or credentials. Calls without either do not pass through this file.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { clientStreams, serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import { errorFromOutside, isInstance, RpcError, textOf } from "../../errors.ts";
import { withAttemptListener } from "../core/attempts.ts";
import { ignoreRejection } from "../core/promises.ts";
import { CallControl } from "./call_control.ts";
import { type CallCore, type ClientMethod, encodeRequest, isMisuse } from "./call_core.ts";
import { abortError, atCaller, nameCall, nameThrown } from "./call_error.ts";
import { callUnary } from "./unary_call.ts";
import type { ClientStream } from "./streaming_call.ts";
import {
  isIterable,
  iteratorOf,
  leave,
  type MessageIterator,
  type Messages,
  replies,
  singleReply,
  startSingle,
  startStreaming,
} from "./stream_adapters.ts";
import type {
  CallCredentials,
  CallOptions,
  InterceptedCall,
  InterceptedReply,
  Interceptor,
  Next,
} from "../core/types.ts";

/** Interceptors and credentials of a channel. */
export interface CallMiddleware {
  readonly interceptors: readonly Interceptor[];
  readonly credentials: CallCredentials | undefined;
  readonly allowInsecureCredentials: boolean;
  readonly secure: boolean;
  readonly authority: string;
}

// Key of the CallControl in an intercepted call; a symbol property is kept in an interceptor's copy `{ ...call }`.
const CONTROL = Symbol("vrpc.call");

type ControlledCall = InterceptedCall & { [CONTROL]: CallControl };

/** Composes a channel's interceptors around a method's call. Throws TypeError if an interceptor returns no function. */
export function chain(middleware: CallMiddleware, method: ClientMethod): Next {
  const last: Next = (call) => invoke(middleware, method, call as ControlledCall);
  return middleware.interceptors.reduceRight((next, interceptor) => {
    const outer: unknown = interceptor((call) => {
      const reply = next(call);
      // An interceptor may return a reply of its own and never handle a rejection of this one.
      ignoreRejection(reply);
      return reply;
    });
    if (typeof outer === "function") return outer as Next;
    ignoreRejection(outer);
    throw new TypeError(`An interceptor must return a function, not a ${typeof outer}`);
  }, last);
}

/** Makes a call with a single reply through interceptors. Rejects with an RpcError. */
export async function interceptSingle(
  core: CallCore,
  method: ClientMethod,
  next: Next,
  message: unknown,
  options: CallOptions = {},
): Promise<unknown> {
  const control = new CallControl(core, method, options);
  try {
    const reply = await control.race(replyMessage(control, next, message));
    control.end();
    return reply;
  } catch (error) {
    throw atCaller(failed(control, error), interceptSingle);
  }
}

/** Makes a call with a stream of replies through interceptors. `onEnd` is called at its end. */
export function interceptStream(
  core: CallCore,
  method: ClientMethod,
  next: Next,
  message: unknown,
  options: CallOptions = {},
  onEnd?: (error: RpcError | undefined) => void,
): AsyncIterableIterator<unknown> {
  return new InterceptedReplies(new CallControl(core, method, options, onEnd), next, message);
}

/** Runs the interceptors; returns the message of the reply that they return. */
async function replyMessage(
  control: CallControl,
  next: Next,
  message: unknown,
): Promise<unknown> {
  const reply: unknown = await next(interceptedCall(control, message));
  if (typeof reply === "object" && reply !== null) return (reply as InterceptedReply).message;
  throw interceptorError(
    `it returned ${
      reply === null ? "null" : `a ${typeof reply}`
    } in place of what next() resolves to, or a copy`,
  );
}

const DONE: IteratorResult<unknown> = { done: true, value: undefined };

/** Replies behind interceptors, whose iterables may fail, never settle, or not be iterable. */
class InterceptedReplies implements AsyncIterableIterator<unknown> {
  readonly #control: CallControl;
  /** Resolves to an object that holds the iterator: resolving to the iterator would call its `then`, if any. */
  readonly #opening: Promise<{ iterator: MessageIterator }>;
  #source: MessageIterator | undefined = undefined;
  #ended = false;

  constructor(control: CallControl, next: Next, message: unknown) {
    this.#control = control;
    this.#opening = control.race(open(control, next, message));
    // A failure ends the call even if its replies are never iterated over.
    this.#opening.catch((error) => failed(control, error));
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.#ended) return DONE;
    try {
      this.#source ??= (await this.#opening).iterator;
      // Checks the deadline here: an iterator that never waits keeps the timer of the deadline from firing.
      this.#control.throwIfOver();
      const step: unknown = await this.#control.race(this.#source.next());
      if (typeof step !== "object" || step === null) {
        throw interceptorError(`its iterator returned a ${typeof step}`);
      }
      const { done, value } = step as IteratorResult<unknown>;
      if (!done) return { done: false, value };
      this.#ended = true;
      this.#control.end();
      return DONE;
    } catch (error) {
      this.#ended = true;
      leave(this.#source);
      throw atCaller(failed(this.#control, error), this.next);
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    if (this.#ended) return DONE;
    this.#ended = true;
    if (this.#source === undefined) {
      const text = "The caller stopped iterating over the replies";
      this.#control.end(errorFromOutside(Status.CANCELLED, text));
      this.#opening.then(({ iterator }) => leave(iterator), () => {});
    } else {
      await this.#control.awaitSoon(leave(this.#source));
      this.#control.end();
    }
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

async function open(
  control: CallControl,
  next: Next,
  message: unknown,
): Promise<{ iterator: MessageIterator }> {
  const stream = await replyMessage(control, next, message);
  if (!isIterable(stream)) {
    throw interceptorError("its reply has a message that is no AsyncIterable of replies");
  }
  return { iterator: iteratorOf(stream) };
}

/** Ends a call that failed; returns the error for the caller. */
function failed(control: CallControl, error: unknown): unknown {
  // Errors of misuse are passed on unchanged.
  if (isMisuse(error)) {
    control.end();
    return error;
  }
  const rpcError = isInstance(error, RpcError) ? error : abortOr(error);
  const { path } = control.method;
  const { target } = control.core;
  // An error made by the deadline's timer or the signal has no frames of the application, so none are kept.
  const made = control.isReason(rpcError);
  control.end(rpcError);
  if (control.isCallers(rpcError)) return rpcError;
  return made ? nameCall(rpcError, path, target) : nameThrown(rpcError, path, target);
}

function abortOr(error: unknown): RpcError {
  const name = isInstance(error, DOMException) ? error.name : undefined;
  if (name === "AbortError" || name === "TimeoutError") return abortError(error);
  return interceptorError(textOf(error), error);
}

function interceptorError(text: string, cause?: unknown): RpcError {
  return errorFromOutside(Status.UNKNOWN, `An interceptor failed: ${text}`, { cause });
}

function interceptedCall(control: CallControl, message: unknown): ControlledCall {
  const { method } = control;
  return {
    side: "client",
    method,
    metadata: new Metadata(control.options.metadata),
    get signal() {
      return control.signal;
    },
    stream: clientStreams(method.kind),
    message,
    [CONTROL]: control,
  };
}

/** Adds credentials and makes the call, after all interceptors. */
async function invoke(
  middleware: CallMiddleware,
  method: ClientMethod,
  call: ControlledCall | undefined,
): Promise<InterceptedReply> {
  const control = call?.[CONTROL];
  if (!isInstance(control, CallControl)) {
    throw new TypeError("An interceptor must pass on the call it was given, or a copy of it");
  }
  control.throwIfOver();
  const { metadata, message } = call!;
  await addCredentials(middleware, control, method, metadata);
  const options = withAttemptListener(control.inner(metadata), call!);
  if (!serverStreams(method.kind)) return await single(control, method, message, options);
  const { core } = control;
  const stream = control.started(
    clientStreams(method.kind)
      ? startStreaming(core, method, message as Messages, options)
      : startSingle(core, method, encodeRequest(method, message), options),
  );
  await stream.started();
  return streamReply(stream, method);
}

async function single(
  control: CallControl,
  method: ClientMethod,
  request: unknown,
  options: CallOptions,
): Promise<InterceptedReply> {
  const { core } = control;
  let headers = new Metadata();
  let trailers = new Metadata();
  const { onHeaders, onTrailers } = options;
  const listening: CallOptions = {
    ...options,
    onHeaders(metadata) {
      headers = metadata;
      return onHeaders?.(metadata);
    },
    onTrailers(metadata) {
      trailers = metadata;
      return onTrailers?.(metadata);
    },
  };
  const message = clientStreams(method.kind)
    ? await singleReply(
      control.started(startStreaming(core, method, request as Messages, listening)),
      method,
    )
    : await callUnary(core, method, encodeRequest(method, request), listening);
  return { stream: false, message, headers, trailers };
}

function streamReply(stream: ClientStream, method: ClientMethod): InterceptedReply {
  const none = new Metadata();
  return {
    stream: true,
    message: replies(stream, method),
    get headers() {
      return stream.headers ?? none;
    },
    get trailers() {
      return stream.trailers ?? none;
    },
  };
}

async function addCredentials(
  middleware: CallMiddleware,
  control: CallControl,
  method: ClientMethod,
  metadata: Metadata,
): Promise<void> {
  const { authority, secure } = middleware;
  for (const credentials of [middleware.credentials, control.options.credentials]) {
    if (credentials === undefined) continue;
    if (!secure && !middleware.allowInsecureCredentials) {
      throw errorFromOutside(
        Status.UNAUTHENTICATED,
        `Cannot send credentials for ${method.path}: the channel doesn't use TLS (allowInsecureCredentials permits it)`,
      );
    }
    control.throwIfOver();
    let added: Metadata;
    try {
      const given = await control.race(credentials({ path: method.path, authority, secure }));
      if (typeof given !== "object" || given === null) {
        throw new TypeError(`must be metadata, not ${given === null ? "null" : typeof given}`);
      }
      added = new Metadata(given);
    } catch (cause) {
      if (isInstance(cause, RpcError)) throw cause;
      const text = `Cannot get credentials: ${textOf(cause)}`;
      throw errorFromOutside(Status.UNAUTHENTICATED, text, { cause });
    }
    for (const [key, value] of added) metadata.append(key, value);
  }
}
