/**
 * Context of a call that its handler gets. What most calls do not use is created on first access.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { chooseEncoding, type Encoding } from "../../call/encodings.ts";
import { listBytesOf, Metadata } from "../../call/metadata.ts";
import { serverStreams } from "../../call/method.ts";
import { Status } from "../../call/status.ts";
import type { PeerInfo, ServerCall } from "../../call/wire.ts";
import { RpcError } from "../../errors.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { abortSafely, newAbortController } from "../core/abort.ts";
import { callEnded } from "../core/call_end.ts";
import type { CallObserver } from "../core/observer.ts";
import type { OpenCall, OpenCalls } from "../core/open_calls.ts";
import type { HandlerSlots } from "./handler_slots.ts";
import { ReplyQueue } from "./reply_queue.ts";
import type { RequestSource } from "./request_stream.ts";
import type { HandlerContext, MethodInfo } from "../core/types.ts";

/** State shared by all calls of a connection. */
export interface CallConnection {
  /** The peer; replaced once it has attested itself. */
  peer: PeerInfo;
  /** Wire that the calls arrive on. */
  readonly wire: HandlerContext["wire"];
  /** Limits the handlers that run at once. */
  readonly handlers: HandlerSlots;
  /** Clock of the deadlines. */
  readonly clock: Clock;
  /** Accounts for received messages that wait for their handlers, and for decompressed requests that handlers hold. */
  readonly memory: MemoryShare;
  /** Compressions of replies, by preference. */
  readonly encodings: readonly Encoding[];
  /** Error that calls were last cancelled with; calls cancelled for the same reason share it. */
  lastCancelError: RpcError | undefined;
  /** Calls that have not ended. */
  readonly calls: OpenCalls<CallState>;
  /** Observes its calls in place of the server's observer. */
  readonly observer?: CallObserver;
  /** Closes the connection because its engine has thrown. Never throws. */
  fail(error: unknown): void;
}

/** Interface of the call's handler that its context uses. */
export interface CallContextOwner {
  /** Ends the call, whose status cannot be sent any more. */
  onCancel(code: Status, reason: string): void;
  /** Ends the call `timeoutMs` from now, unless its deadline is sooner. */
  tightenDeadline(timeoutMs: number): void;
  /** Reports what a listener, of the signal or of the call's end, throws. */
  listenerFailed(error: unknown): void;
}

const UNCOMPRESSED = { lastCompressed: false };

/**
 * State of one call on a server. It is held apart from the {@link CallContext}, whose properties the handler may delete,
 * replace or freeze.
 */
export class CallState implements RequestSource, OpenCall {
  openSlot = -1;
  readonly method: MethodInfo;
  readonly call: ServerCall;
  readonly connection: CallConnection;
  /** Whether replies are compressed, if the caller accepts it. */
  compress: boolean;
  /** Deadline in ms of the connection's clock; undefined for none (Infinity would be allocated for each call). */
  deadlineAtMs: number | undefined = undefined;
  /** Response headers; undefined until they are first used. */
  headers: Metadata | undefined = undefined;
  /** Response trailers; undefined until they are first used. */
  trailers: Metadata | undefined = undefined;
  headersSent = false;
  /** Compression that the response headers announced. */
  announced: Encoding | undefined = undefined;
  /** Reason why the call was ended before its handler; set once. */
  aborted: RpcError | undefined = undefined;
  replies: ReplyQueue | undefined = undefined;
  controller: AbortController | undefined = undefined;
  /** Handler of the call, which enforces its deadline. */
  owner: CallContextOwner | undefined = undefined;
  /** Tells whether the last request was compressed. */
  requests: { readonly lastCompressed: boolean } = UNCOMPRESSED;
  /** What the dispatcher and the handler get. */
  readonly context: CallContext;
  #values: Map<unknown, unknown> | undefined = undefined;
  #endedWith: Status | undefined = undefined;

  /** Creates the state of a call without a deadline. */
  constructor(call: ServerCall, connection: CallConnection, method: MethodInfo, compress: boolean) {
    this.call = call;
    this.connection = connection;
    this.method = method;
    this.compress = compress;
    this.context = new CallContext(this);
    connection.calls.add(this);
  }

  /** Whether more replies should be sent now. Never throws. */
  get writable(): boolean {
    try {
      return this.call.writable;
    } catch (error) {
      this.engineFailed(error);
      return false;
    }
  }

  /** Sends the response headers, unless they were sent or the call has ended. */
  sendHeaders(): void {
    if (this.headersSent || this.call.closed) return;
    // What cannot be sent fails here: an exception of the engine closes the connection.
    if (this.headers !== undefined) listBytesOf(this.headers);
    this.headersSent = true;
    if (this.compress) {
      this.announced = chooseEncoding(this.connection.encodings, this.call.acceptedEncodings);
    }
    try {
      this.call.sendHeaders(this.headers, this.announced);
    } catch (error) {
      throw this.engineFailed(error);
    }
  }

  /** Ends the call with INTERNAL. Never throws. */
  sendFailure(text: string): void {
    try {
      this.call.sendStatus(Status.INTERNAL, text);
    } catch (error) {
      this.engineFailed(error);
    }
  }

  /** Frees the slot of the call. Never throws. */
  handlerDone(): void {
    try {
      this.call.handlerDone();
    } catch (error) {
      this.engineFailed(error);
    }
  }

  /** Closes the connection because its engine has thrown, and returns the error of the call. */
  engineFailed(error: unknown): RpcError {
    this.connection.fail(error);
    return new RpcError(Status.INTERNAL, "The connection failed", { cause: error });
  }

  // ---- the source of the requests ----------------------------------------------------------------------------

  get encoding(): string {
    return this.call.encoding;
  }

  setReadPaused(paused: boolean): void {
    try {
      this.call.setReadPaused(paused);
    } catch (error) {
      this.engineFailed(error);
    }
  }

  chargeFault(): void {
    try {
      this.call.chargeFault?.();
    } catch (error) {
      this.engineFailed(error);
    }
  }

  /** Returns the time until the deadline in ms. */
  timeRemainingMs(): number {
    if (this.deadlineAtMs === undefined) return Infinity;
    return Math.max(0, this.deadlineAtMs - this.connection.clock.now());
  }

  /** Values that interceptors pass to handlers. */
  get values(): Map<unknown, unknown> {
    if (this.#values === undefined) {
      this.#values = new Map();
      if (this.#endedWith !== undefined) callEnded(this.#values, this.#endedWith);
    }
    return this.#values;
  }

  /** Runs the listeners for the end of the call. Never throws. */
  ended(code: Status): void {
    this.#endedWith = code;
    this.connection.calls.remove(this);
    if (this.#values === undefined) return;
    try {
      callEnded(this.#values, code);
    } catch (error) {
      this.owner?.listenerFailed(error);
    }
  }

  /** Fires the context's signal and rejects pending writes with `reason`. */
  abort(reason: RpcError): void {
    if (this.aborted) return;
    this.aborted = reason;
    this.replies?.abort(reason);
    if (this.controller !== undefined) {
      abortSafely(this.controller, reason, (error) => this.owner?.listenerFailed(error));
    }
  }
}

/** Context of one call, for the dispatcher and the handler. It has no state of its own that they could change. */
export class CallContext implements HandlerContext {
  readonly #state: CallState;

  /** Creates the context of a call. */
  constructor(state: CallState) {
    this.#state = state;
  }

  get method(): MethodInfo {
    return this.#state.method;
  }

  get compress(): boolean {
    return this.#state.compress;
  }

  set compress(compress: boolean) {
    this.#state.compress = compress;
  }

  get metadata(): Metadata {
    return this.#state.call.metadata;
  }

  get responseHeaders(): Metadata {
    return this.#state.headers ??= new Metadata();
  }

  get responseTrailers(): Metadata {
    return this.#state.trailers ??= new Metadata();
  }

  sendHeaders(): void {
    this.#state.sendHeaders();
  }

  get signal(): AbortSignal {
    const state = this.#state;
    if (!state.controller) {
      state.controller = newAbortController();
      if (state.aborted) state.controller.abort(state.aborted);
    }
    return state.controller.signal;
  }

  timeRemainingMs(): number {
    return this.#state.timeRemainingMs();
  }

  tightenDeadline(timeoutMs: number): void {
    if (!(timeoutMs >= 0)) {
      throw new RangeError(`Cannot use a timeout of ${timeoutMs} ms: it must be 0 or more`);
    }
    this.#state.owner?.tightenDeadline(timeoutMs);
  }

  get peer(): PeerInfo {
    return this.#state.connection.peer;
  }

  get authority(): string {
    return this.#state.call.authority;
  }

  get wire(): HandlerContext["wire"] {
    return this.#state.call.protocol ?? this.#state.connection.wire;
  }

  get requestCompressed(): boolean {
    return this.#state.requests.lastCompressed;
  }

  get values(): Map<unknown, unknown> {
    return this.#state.values;
  }

  get stream(): ReplyQueue {
    const state = this.#state;
    if (!serverStreams(state.method.kind)) {
      throw new TypeError(
        `Cannot write a stream of replies: ${state.method.path} has a single reply`,
      );
    }
    if (!state.replies) {
      state.replies = new ReplyQueue();
      if (state.aborted) state.replies.abort(state.aborted);
    }
    return state.replies;
  }
}
