/**
 * Interface between the protocols of calls (Connect, gRPC-Web) and the versions of HTTP that carry them. Lists of fields
 * alternate names in lower case and values.
 *
 * @module
 */

import type { Status } from "../../call/status.ts";
import type { CallProgress } from "../../call/wire.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";

/** Value of {@link HttpRequest.bodyBytes} for a body whose length is not known in advance. */
export const UNKNOWN_LENGTH = -1;

/** A request without its body. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** Path and query. */
  readonly path: string;
  /** Replaces the authority of the connection; undefined to keep that. */
  readonly authority: string | undefined;
  readonly fields: readonly string[];
  /** Length of the body in bytes, or {@link UNKNOWN_LENGTH}; GET has 0. */
  readonly bodyBytes: number;
  /** Whether the request may be sent again when its connection ends without an answer (RFC 9110 §9.2.2). */
  readonly idempotent: boolean;
}

/** A request that was sent in part at least, and its response. */
export interface HttpExchange {
  /**
   * Sends a part of the body, `prefix` (which is copied) and `bytes`, of which the exchange takes ownership; `end` ends the
   * request.
   */
  send(prefix: Uint8Array | null, bytes: Uint8Array, end: boolean): void;
  /** Gives up the exchange; its sink is not called any more. Idempotent. */
  cancel(): void;
  /** Whether more should be sent now; if not, `onWritable` of the sink follows. */
  readonly writable: boolean;
  /** Lets the peer send no more of the response for now, or again. */
  setReadPaused(paused: boolean): void;
}

/** A call: receives the response of its exchange. */
export interface HttpSink {
  /** Called with the head of the final response. */
  onResponse(status: number, fields: readonly string[]): void;
  /** Receives a part of the body, `start` to `end` of `buffer`, valid only during the call. */
  onBody(buffer: Uint8Array, start: number, end: number): void;
  /** Called once, at the end of a complete response. */
  onEnd(trailers: readonly string[]): void;
  /** Called once, in place of `onEnd`: there is no complete response. */
  onFailure(code: Status, reason: string, progress: CallProgress): void;
  /** Called when the exchange is writable again. */
  onWritable(): void;
}

/** Connection that carries requests. A call takes a slot of it before its request is sent. */
export interface HttpOpener {
  /** Memory for responses that are not complete. */
  readonly memory: MemoryShare;
  /** Takes a slot for a call; its `onFailure` is called if the connection ends before `open`. */
  reserve(call: HttpSink): void;
  /**
   * Sends the head of the request of a call that has a slot. Throws TypeError or RpcError, with nothing sent, for a request
   * that cannot be sent.
   */
  open(request: HttpRequest, call: HttpSink): HttpExchange;
  /** Frees the slot of a call that is not `open`. */
  release(call: HttpSink): void;
}
