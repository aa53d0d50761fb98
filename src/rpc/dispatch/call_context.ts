/**
 * Context of a call that its handler gets. What most calls do not use is created on first access.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Metadata } from "../../call/metadata.ts";
import { serverStreams } from "../../call/method.ts";
import type { Status } from "../../call/status.ts";
import type { PeerInfo, ServerCall } from "../../call/wire.ts";
import type { RpcError } from "../../errors.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { abortSafely } from "../core/abort.ts";
import { callEnded } from "../core/call_end.ts";
import type { HandlerSlots } from "./handler_slots.ts";
import { ReplyQueue } from "./reply_queue.ts";
import type { HandlerContext, MethodInfo } from "../core/types.ts";

/** State shared by all calls of a connection. */
export interface CallConnection {
  /** The peer. */
  readonly peer: PeerInfo;
  /** Wire that the calls arrive on. */
  readonly wire: HandlerContext["wire"];
  /** Limits the handlers that run at once. */
  readonly handlers: HandlerSlots;
  /** Clock of the deadlines. */
  readonly clock: Clock;
  /** Accounts for received messages that wait for their handlers, and for decompressed requests that handlers hold. */
  readonly memory: MemoryShare;
  /** Error that calls were last cancelled with; calls cancelled for the same reason share it. */
  lastCancelError: RpcError | undefined;
}

/** Interface of the call's handler that its context uses. */
export interface CallContextOwner {
  /** Ends the call `timeoutMs` from now, unless its deadline is sooner. */
  tightenDeadline(timeoutMs: number): void;
  /** Reports what a listener, of the signal or of the call's end, throws. */
  listenerFailed(error: unknown): void;
}

const UNCOMPRESSED = { lastCompressed: false };

/** Context of one call on a server. */
export class CallContext implements HandlerContext {
  readonly method: MethodInfo;
  compress: boolean;

  // Internal to the server: not part of HandlerContext.
  readonly call: ServerCall;
  readonly connection: CallConnection;
  /** Deadline in ms of the connection's clock; Infinity for none. */
  deadlineAtMs = Infinity;
  /** Undefined until first used. */
  headers: Metadata | undefined = undefined;
  /** Undefined until first used. */
  trailers: Metadata | undefined = undefined;
  headersSent = false;
  /** Whether the response headers announced gzip. */
  gzipAnnounced = false;
  /** Reason why the call was ended before its handler; set once. */
  aborted: RpcError | undefined = undefined;
  replies: ReplyQueue | undefined = undefined;
  /** Handler of the call, which enforces its deadline. */
  owner: CallContextOwner | undefined = undefined;
  /** Tells whether the last request was compressed. */
  requests: { readonly lastCompressed: boolean } = UNCOMPRESSED;
  #controller: AbortController | undefined = undefined;
  #values: Map<unknown, unknown> | undefined = undefined;
  #endedWith: Status | undefined = undefined;

  /** Creates the context of a call without a deadline. */
  constructor(call: ServerCall, connection: CallConnection, method: MethodInfo, compress: boolean) {
    this.call = call;
    this.connection = connection;
    this.method = method;
    this.compress = compress;
  }

  get metadata(): Metadata {
    return this.call.metadata;
  }

  get responseHeaders(): Metadata {
    return this.headers ??= new Metadata();
  }

  get responseTrailers(): Metadata {
    return this.trailers ??= new Metadata();
  }

  sendHeaders(): void {
    if (this.headersSent || this.call.closed) return;
    this.headersSent = true;
    this.gzipAnnounced = this.compress && this.call.acceptsGzip;
    this.call.sendHeaders(this.headers, this.gzipAnnounced ? "gzip" : undefined);
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.aborted);
    }
    return this.#controller.signal;
  }

  timeRemainingMs(): number {
    if (this.deadlineAtMs === Infinity) return Infinity;
    return Math.max(0, this.deadlineAtMs - this.connection.clock.now());
  }

  tightenDeadline(timeoutMs: number): void {
    if (!(timeoutMs >= 0)) {
      throw new RangeError(`Cannot use a timeout of ${timeoutMs} ms: it must be 0 or more`);
    }
    this.owner?.tightenDeadline(timeoutMs);
  }

  get peer(): PeerInfo {
    return this.connection.peer;
  }

  get wire(): HandlerContext["wire"] {
    return this.connection.wire;
  }

  get requestCompressed(): boolean {
    return this.requests.lastCompressed;
  }

  get values(): Map<unknown, unknown> {
    if (this.#values === undefined) {
      this.#values = new Map();
      if (this.#endedWith !== undefined) callEnded(this.#values, this.#endedWith);
    }
    return this.#values;
  }

  /** Runs the listeners for the end of the call. For the server. */
  ended(code: Status): void {
    this.#endedWith = code;
    if (this.#values === undefined) return;
    try {
      callEnded(this.#values, code);
    } catch (error) {
      this.owner?.listenerFailed(error);
    }
  }

  get stream(): ReplyQueue {
    if (!serverStreams(this.method.kind)) {
      throw new TypeError(
        `Cannot write a stream of replies: ${this.method.path} has a single reply`,
      );
    }
    if (!this.replies) {
      this.replies = new ReplyQueue();
      if (this.aborted) this.replies.abort(this.aborted);
    }
    return this.replies;
  }

  /** Fires `signal` and rejects pending writes with `reason`. For the server. */
  abort(reason: RpcError): void {
    if (this.aborted) return;
    this.aborted = reason;
    this.replies?.abort(reason);
    if (this.#controller !== undefined) {
      abortSafely(this.#controller, reason, (error) => this.owner?.listenerFailed(error));
    }
  }
}
