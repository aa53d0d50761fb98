/**
 * Interface between HTTP and the calls of gRPC-Web and Connect: one request and its response.
 *
 * @module
 */

import type { MemoryShare } from "../../limits/memory_pool.ts";

/** Receives the body of a request and the events of its response. */
export interface HttpExchangeSink {
  /** Receives `buffer` from `start` to `end`, a part of the body that is only valid during the call. */
  onBody(buffer: Uint8Array, start: number, end: number): void;
  /** Called at the end of the body, also of an empty one. */
  onBodyEnd(): void;
  /** Called at most once, when the exchange ends before its response is complete. */
  onAbort(reason: string): void;
  /** Called when `writable` has become true again. */
  onWritable(): void;
}

/** One request and its response. Lists of fields alternate names in lower case and values. */
export interface HttpExchange {
  /** Method, case-sensitive. */
  readonly method: string;
  /** Path with the leading slash, without the query. */
  readonly path: string;
  /** Query without the question mark; may be empty. */
  readonly query: string;
  /** Host and port that the request is for; may be empty. */
  readonly authority: string;
  /** Fields of the request, without pseudo-header fields. */
  readonly fields: readonly string[];
  /** Length of the body in bytes, -1 when it is not known. */
  readonly bodyBytes: number;
  /** Whether the request came over HTTP/1. */
  readonly http1: boolean;
  /** Share of the server's memory pool of the connection. */
  readonly memory: MemoryShare;
  /** Whether more of the response should be sent now; if not, `onWritable` follows. */
  readonly writable: boolean;
  /**
   * Answers a handshake with `fields` and continues the connection as lean inside a WebSocket; absent unless the request
   * asks for one and may have it. Only valid while the request is opened.
   */
  readonly openWebSocket?: (fields: readonly string[]) => void;
  /**
   * Starts the delivery of the body to `sink`. `streams`: it may pause, as the caller sends messages over time.
   * `responseFields`: of a response that the connection gives in place of the handler, such as 408 for a late body.
   */
  readBody(sink: HttpExchangeSink, streams: boolean, responseFields: readonly string[]): void;
  /** Makes the peer wait with the rest of the body, or asks for it again. */
  setReadPaused(paused: boolean): void;
  /**
   * Sends a whole response; the exchange takes ownership of `body`. Returns false, with nothing sent, when there is no
   * memory for a body that has to wait for the peer.
   */
  respond(status: number, fields: readonly string[], body: Uint8Array): boolean;
  /** Sends the head of a response whose body follows. */
  sendHead(status: number, fields: readonly string[]): void;
  /**
   * Sends a part of the body: `prefix`, which is copied, and `bytes`, of which the exchange takes ownership. `last` ends
   * the response. Returns false, with nothing sent, when there is no memory for it.
   */
  write(prefix: Uint8Array | null, bytes: Uint8Array, last: boolean): boolean;
  /** Cuts the response short, so that the peer does not take it for complete. */
  abort(reason: string): void;
  /** Charges the peer for a request that costs work without a result. */
  chargeFault(): void;
  /** Frees the slot of the request: its handler has ended, or it has none. Called once. */
  handlerDone(): void;
}

/** Value of the first field with this name; undefined without one. */
export function fieldValue(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
  return undefined;
}
