/**
 * Unary calls of a server without interceptors, on the shortest way from the request to the reply.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { type Deferred, deferred } from "../rpc/core/deferred.ts";
import type { HandlerContext } from "../rpc/core/types.ts";
import type { AuthContext } from "./call_interface.ts";
import { addTo, authContextIn, deadlineIn, errorOf, sendHeaders } from "./context_facts.ts";
import { Status } from "./constants.ts";
import type { Deadline } from "./deadline.ts";
import { fromWire, type Metadata } from "./metadata.ts";
import {
  type HandledMethod,
  handlerStatus,
  oversizeStatus,
  replyStatus,
  requestStatus,
} from "./methods.ts";
import type { handleUnaryCall, ServerSurfaceCallFunctions } from "./server_surface.ts";
import {
  type PartialStatusObject,
  type ServerErrorResponse,
  serverErrorToStatus,
  type ServerStatusResponse,
} from "./status.ts";

type Listener = (...given: unknown[]) => void;

/** Runs a unary call. Throws, or rejects with, the RpcError that ends it. */
export function runUnary(
  method: HandledMethod,
  request: Uint8Array,
  context: HandlerContext,
  maxSendBytes: number,
): Uint8Array | Promise<Uint8Array> {
  let message: unknown;
  try {
    message = method.deserialize(
      Buffer.from(request.buffer, request.byteOffset, request.byteLength),
    );
  } catch (error) {
    throw errorOf(requestStatus(error));
  }
  const call = new DirectUnaryCall(method, message, context, maxSendBytes);
  try {
    (method.handler as unknown as handleUnaryCall<unknown, unknown>)(
      call as never,
      (error, value, trailers) => call.respond(error, value, trailers),
    );
  } catch (error) {
    call.end(handlerStatus(error));
  }
  return call.outcome();
}

/** Unary call whose facts are read from the context when they are asked for. */
class DirectUnaryCall extends EventEmitter implements ServerSurfaceCallFunctions {
  readonly request: unknown;
  readonly #method: HandledMethod;
  readonly #context: HandlerContext;
  readonly #maxSendBytes: number;
  #metadata: Metadata | undefined = undefined;
  #watched = false;
  #reply: Uint8Array | undefined = undefined;
  #failure: PartialStatusObject | undefined = undefined;
  #settle: Deferred<Uint8Array> | undefined = undefined;

  constructor(
    method: HandledMethod,
    request: unknown,
    context: HandlerContext,
    maxSendBytes: number,
  ) {
    super();
    this.#method = method;
    this.request = request;
    this.#context = context;
    this.#maxSendBytes = maxSendBytes;
  }

  // ---- the end -------------------------------------------------------------------------------------------

  respond(
    error: ServerErrorResponse | ServerStatusResponse | null,
    value: unknown,
    trailers: Metadata | undefined,
  ): void {
    if (this.#reply !== undefined || this.#failure !== undefined) return;
    if (error) return this.end(serverErrorToStatus(error, trailers));
    let reply: Uint8Array;
    try {
      reply = this.#method.serialize(value);
    } catch (thrown) {
      return this.end(replyStatus(thrown));
    }
    if (reply.length > this.#maxSendBytes) {
      return this.end(oversizeStatus(reply.length, this.#maxSendBytes));
    }
    if (trailers) addTo(this.#context.responseTrailers, trailers);
    this.#reply = reply;
    this.#settle?.resolve(reply);
  }

  end(failure: PartialStatusObject): void {
    if (this.#reply !== undefined || this.#failure !== undefined) return;
    // A unary call cannot end with OK and without a reply.
    this.#failure = failure.code === Status.OK ? { ...failure, code: Status.UNKNOWN } : failure;
    this.#settle?.reject(errorOf(this.#failure));
  }

  outcome(): Uint8Array | Promise<Uint8Array> {
    if (this.#reply !== undefined) return this.#reply;
    if (this.#failure !== undefined) throw errorOf(this.#failure);
    this.#settle = deferred();
    return this.#settle.promise;
  }

  // ---- for the handler -----------------------------------------------------------------------------------

  get metadata(): Metadata {
    return this.#metadata ??= fromWire(this.#context.metadata);
  }

  get cancelled(): boolean {
    return this.#context.signal.aborted;
  }

  getPeer(): string {
    return this.#context.peer.address;
  }

  sendMetadata(responseMetadata: Metadata): void {
    sendHeaders(this.#context, responseMetadata);
  }

  getDeadline(): Deadline {
    return deadlineIn(this.#context);
  }

  getPath(): string {
    return this.#method.path;
  }

  getHost(): string {
    return this.#context.authority;
  }

  getAuthContext(): AuthContext {
    return authContextIn(this.#context);
  }

  override on(event: string | symbol, listener: Listener): this {
    this.#watch(event);
    return super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    this.#watch(event);
    return super.prependListener(event, listener);
  }

  /** Watches the context's signal from the first listener on: making one for each call would take a microsecond. */
  #watch(event: string | symbol): void {
    if (event !== "cancelled" || this.#watched) return;
    this.#watched = true;
    const { signal } = this.#context;
    const emit = () => this.emit("cancelled", "cancelled");
    if (signal.aborted) queueMicrotask(emit);
    else signal.addEventListener("abort", emit, { once: true });
  }
}
