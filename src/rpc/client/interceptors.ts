/**
 * Client calls with interceptors or credentials. Calls without either do not pass through this file.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { clientStreams, serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import { deadlineExceeded, RpcError } from "../../errors.ts";
import { type Abortable, unwatchAbort, watchAbort } from "./abort_fanout.ts";
import {
  abortError,
  type CallCore,
  type ClientMethod,
  deadlineOf,
  hasPassed,
} from "./call_core.ts";
import { callUnary } from "./unary_call.ts";
import type { ClientStream } from "./streaming_call.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import { replies, singleReply, startSingle, startStreaming } from "./stream_adapters.ts";
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

// A symbol property is copied when an interceptor replaces the call by `{ ...call }`.
const CONTROL = Symbol("vrpc.call");

/** Deadline and cancellation of a call, from before its interceptors to its end. */
class CallControl implements Abortable {
  abortSlot = -1;
  readonly core: CallCore;
  readonly options: CallOptions;
  readonly deadlineMs: number;
  #controller: AbortController | undefined = undefined;
  #reason: RpcError | undefined = undefined;
  #deadline: DeadlineHandle | undefined = undefined;

  constructor(core: CallCore, method: ClientMethod, options: CallOptions) {
    this.core = core;
    this.options = options;
    this.deadlineMs = deadlineOf(core, method, options);
    if (this.deadlineMs !== Infinity) {
      this.#deadline = core.deadlines.add(this.deadlineMs, () => this.#abort(deadlineExceeded()));
    }
    if (options.signal?.aborted) this.onAbort(options.signal.reason);
    else if (options.signal !== undefined) watchAbort(options.signal, this);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Throws the call's error if it was cancelled or its deadline has passed. */
  throwIfOver(): void {
    if (hasPassed(this.deadlineMs, this.core.clock)) this.#abort(deadlineExceeded());
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Returns the options of the call behind the interceptors: their metadata, and the time that is left. */
  inner(metadata: Metadata): CallOptions {
    const timeoutMs = this.deadlineMs === Infinity
      ? undefined
      : Math.max(0, this.deadlineMs - this.core.clock.now());
    return { ...this.options, metadata, timeoutMs, parent: null };
  }

  /** Settles like `promise`, but rejects when the call is cancelled before. */
  async race<T>(promise: T | Promise<T>): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    let onAbort!: () => void;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort);
    });
    try {
      return await Promise.race([promise, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  onAbort(reason: unknown): void {
    this.#abort(abortError(reason));
  }

  /** Releases deadline and signal; aborts what is still running if there is an error. */
  end(error?: RpcError): void {
    if (this.#deadline !== undefined) this.core.deadlines.cancel(this.#deadline);
    if (this.options.signal !== undefined) unwatchAbort(this.options.signal, this);
    if (error !== undefined) this.#abort(error);
  }

  #abort(reason: RpcError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}

type ControlledCall = InterceptedCall & { [CONTROL]: CallControl };

/** Composes a channel's interceptors around a method's call. */
export function chain(middleware: CallMiddleware, method: ClientMethod): Next {
  const last: Next = (call) => invoke(middleware, method, call as ControlledCall);
  return middleware.interceptors.reduceRight((next, interceptor) => interceptor(next), last);
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
    const reply = await next(interceptedCall(control, method, message));
    control.end();
    return reply.message;
  } catch (error) {
    throw failed(control, error);
  }
}

/** Makes a call with a stream of replies through interceptors. */
export function interceptStream(
  core: CallCore,
  method: ClientMethod,
  next: Next,
  message: unknown,
  options: CallOptions = {},
): AsyncIterableIterator<unknown> {
  const control = new CallControl(core, method, options);
  const reply = start();
  // Without iteration the failure must not become an unhandled rejection.
  reply.catch(() => {});
  return iterate();

  async function start(): Promise<AsyncIterable<unknown>> {
    try {
      const { message: stream } = await next(interceptedCall(control, method, message));
      return stream as AsyncIterable<unknown>;
    } catch (error) {
      throw failed(control, error);
    }
  }

  async function* iterate() {
    const stream = await reply;
    try {
      yield* stream;
    } catch (error) {
      throw failed(control, error);
    } finally {
      control.end();
    }
  }
}

function failed(control: CallControl, error: unknown): unknown {
  // Errors of misuse are passed on unchanged.
  if (error instanceof TypeError || error instanceof RangeError) {
    control.end();
    return error;
  }
  const rpcError = error instanceof RpcError ? error : abortOr(error);
  control.end(rpcError);
  return rpcError;
}

function abortOr(error: unknown): RpcError {
  const name = (error as Error | undefined)?.name;
  if (name === "AbortError" || name === "TimeoutError") return abortError(error);
  const text = error instanceof Error ? error.message : String(error);
  return new RpcError(Status.UNKNOWN, `An interceptor failed: ${text}`, { cause: error });
}

function interceptedCall(
  control: CallControl,
  method: ClientMethod,
  message: unknown,
): ControlledCall {
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

/** Adds credentials and makes the call, behind all interceptors. */
async function invoke(
  middleware: CallMiddleware,
  method: ClientMethod,
  call: ControlledCall,
): Promise<InterceptedReply> {
  const control = call[CONTROL];
  if (control === undefined) {
    throw new TypeError("An interceptor must pass on the call it was given, or a copy of it");
  }
  await addCredentials(middleware, control, method, call.metadata);
  const options = control.inner(call.metadata);
  if (!serverStreams(method.kind)) return await single(control.core, method, call, options);
  const { core } = control;
  const stream = clientStreams(method.kind)
    ? startStreaming(core, method, call.message as AsyncIterable<unknown>, options)
    : startSingle(core, method, method.requestCodec.encode(call.message), options);
  await stream.started();
  return streamReply(stream, method);
}

async function single(
  core: CallCore,
  method: ClientMethod,
  call: InterceptedCall,
  options: CallOptions,
): Promise<InterceptedReply> {
  let headers = new Metadata();
  let trailers = new Metadata();
  const { onHeaders, onTrailers } = options;
  const listening: CallOptions = {
    ...options,
    onHeaders(metadata) {
      headers = metadata;
      onHeaders?.(metadata);
    },
    onTrailers(metadata) {
      trailers = metadata;
      onTrailers?.(metadata);
    },
  };
  const message = clientStreams(method.kind)
    ? await singleReply(
      startStreaming(core, method, call.message as AsyncIterable<unknown>, listening),
      method,
    )
    : await callUnary(core, method, method.requestCodec.encode(call.message), listening);
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
      throw new RpcError(
        Status.UNAUTHENTICATED,
        `Cannot send credentials for ${method.path}: the channel doesn't use TLS (allowInsecureCredentials permits it)`,
      );
    }
    control.throwIfOver();
    let added;
    try {
      added = await control.race(credentials({ path: method.path, authority, secure }));
    } catch (cause) {
      if (cause instanceof RpcError) throw cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new RpcError(Status.UNAUTHENTICATED, `Cannot get credentials: ${text}`, { cause });
    }
    for (const [key, value] of new Metadata(added)) metadata.append(key, value);
  }
}
