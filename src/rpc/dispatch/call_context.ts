/**
 * What handlers get beside their request. Everything that most calls don't need is made when asked for.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Metadata } from "../../call/metadata.ts";
import { serverStreams } from "../../call/method.ts";
import type { PeerInfo, ServerCall } from "../../call/wire.ts";
import type { RpcError } from "../../errors.ts";
import { ReplyQueue } from "./reply_queue.ts";
import type { HandlerContext, MethodInfo } from "../core/types.ts";

/** What all calls of one connection share. */
export interface CallConnection {
  /** The other end. */
  readonly peer: PeerInfo;
  /** Which wire the calls come by. */
  readonly wire: HandlerContext["wire"];
  /** The clock that deadlines are measured by. */
  readonly clock: Clock;
  /** Last error that calls were cancelled with; the next ones for the same reason share it. */
  lastCancelError: RpcError | undefined;
}

const UNCOMPRESSED = { lastCompressed: false };

/** The context of one call on a server. */
export class CallContext implements HandlerContext {
  readonly method: MethodInfo;
  compress: boolean;

  // For the rpc layer itself; not part of HandlerContext.
  readonly call: ServerCall;
  readonly connection: CallConnection;
  /** In the connection's clock; Infinity without deadline. */
  deadlineAtMs = Infinity;
  /** Undefined until someone asks for it. */
  headers: Metadata | undefined = undefined;
  /** Undefined until someone asks for it. */
  trailers: Metadata | undefined = undefined;
  headersSent = false;
  /** Whether gzip was announced in the headers. */
  gzipAnnounced = false;
  /** Why the call was given up; set once. */
  aborted: RpcError | undefined = undefined;
  replies: ReplyQueue | undefined = undefined;
  /** Who can end the call in time. */
  owner: { tightenDeadline(timeoutMs: number): void } | undefined = undefined;
  /** Where it is known whether the last request came compressed. */
  requests: { readonly lastCompressed: boolean } = UNCOMPRESSED;
  #controller: AbortController | undefined = undefined;
  #values: Map<unknown, unknown> | undefined = undefined;

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
    return this.#values ??= new Map();
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

  /** Gives the call up: fires `signal`. For the rpc layer. */
  abort(reason: RpcError): void {
    if (this.aborted) return;
    this.aborted = reason;
    this.replies?.abort(reason);
    this.#controller?.abort(reason);
  }
}
