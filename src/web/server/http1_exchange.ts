/**
 * Exchanges of HTTP/1.1 as the calls use them. What the socket does not take at once waits here, counted in the memory
 * pool, and follows as the peer reads.
 *
 * @module
 */

import { releaseMessage } from "../../bytes/pool.ts";
import type { Exchange, ExchangeSink } from "../../http1/exchange.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import type { HttpExchange, HttpExchangeSink } from "./exchange.ts";
import { asksForWebSocket } from "./websocket_handshake.ts";

// Largest part of a body passed to the connection at once, in bytes; the rest waits until the client reads.
const PART_BYTES = 32_768;
// Largest message that is copied behind its prefix, so that both leave in one chunk, in bytes.
const JOINED_BYTES = 4_096;

/** Part of a body that waits to be sent. */
interface WaitingPart {
  readonly bytes: Uint8Array;
  /** Bytes counted in the memory pool. */
  readonly counted: number;
  readonly last: boolean;
  /** Bytes sent so far. */
  sent: number;
}

/** One request over HTTP/1.1. */
export class Http1Exchange implements HttpExchange, ExchangeSink {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly authority: string;
  readonly fields: readonly string[];
  readonly bodyBytes: number;
  readonly http1 = true;
  readonly memory: MemoryShare;
  readonly openWebSocket?: (fields: readonly string[]) => void;
  readonly #exchange: Exchange;
  #sink: HttpExchangeSink | null = null;
  #bodyEnded = false;
  readonly #waiting: WaitingPart[] = [];

  /** Becomes the sink of `exchange`. Without `webSockets` they are not opened. */
  constructor(exchange: Exchange, memory: MemoryShare, webSockets = false) {
    const { method, authority, fields, bodyBytes } = exchange.head;
    const target = exchange.head.target.replace(/^https?:\/\/[^/?]*/i, "");
    const mark = target.indexOf("?");
    const path = mark < 0 ? target : target.slice(0, mark);
    this.method = method;
    this.path = path === "" ? "/" : path;
    this.query = mark < 0 ? "" : target.slice(mark + 1);
    this.authority = authority;
    this.fields = fields;
    this.bodyBytes = bodyBytes;
    this.memory = memory;
    this.#exchange = exchange;
    exchange.sink = this;
    if (webSockets && asksForWebSocket(method, fields) && exchange.canSwitch) {
      // RFC 6455 §4.2.1: with a handshake that is refused the connection ends, so that none follows it for free.
      exchange.closeAfter();
      this.openWebSocket = (fields) => exchange.switchProtocol("websocket", fields);
    }
  }

  /** Whether the exchange ended before it was served. */
  get ended(): boolean {
    return this.#exchange.ended;
  }

  // ---- request -------------------------------------------------------------------------------------------

  readBody(sink: HttpExchangeSink, streams: boolean, responseFields: readonly string[]): void {
    this.#sink = sink;
    this.#exchange.refusalFields = responseFields;
    if (this.#bodyEnded) return sink.onBodyEnd();
    this.#exchange.readBody(streams ? "messages" : "whole");
  }

  setReadPaused(paused: boolean): void {
    if (paused) this.#exchange.pauseBody();
    else this.#exchange.readBody();
  }

  onBody(bytes: Uint8Array): void {
    this.#sink?.onBody(bytes, 0, bytes.length);
  }

  onBodyEnd(): void {
    this.#bodyEnded = true;
    this.#sink?.onBodyEnd();
  }

  onAbort(reason: string): void {
    this.#drop();
    this.#sink?.onAbort(reason);
  }

  // ---- response ------------------------------------------------------------------------------------------

  respond(status: number, fields: readonly string[], body: Uint8Array): boolean {
    const exchange = this.#exchange;
    if (body.length <= PART_BYTES || this.method === "HEAD") {
      exchange.respond(status, fields, body);
      releaseMessage(body);
      return true;
    }
    if (!this.memory.tryTake(body.length)) return false;
    exchange.sendHead(status, fields, body.length);
    this.#queue(body, true, body.length);
    return true;
  }

  sendHead(status: number, fields: readonly string[]): void {
    this.#exchange.sendHead(status, fields);
  }

  write(prefix: Uint8Array | null, bytes: Uint8Array, last: boolean): boolean {
    const exchange = this.#exchange;
    if (exchange.ended) return true;
    if (this.#waiting.length === 0 && bytes.length <= PART_BYTES) {
      if (prefix !== null && bytes.length <= JOINED_BYTES) {
        exchange.sendBody(joined(prefix, bytes));
      } else {
        if (prefix !== null) exchange.sendBody(prefix);
        exchange.sendBody(bytes);
      }
      releaseMessage(bytes);
      if (last) exchange.end();
      return true;
    }
    if (bytes.length > JOINED_BYTES && !this.memory.allows(bytes.length)) return false;
    if (prefix !== null) {
      this.memory.take(prefix.length);
      this.#queue(prefix.slice(), false, prefix.length);
    }
    this.memory.take(bytes.length);
    this.#queue(bytes, last, bytes.length);
    return true;
  }

  #queue(bytes: Uint8Array, last: boolean, counted: number): void {
    this.#waiting.push({ bytes, counted, last, sent: 0 });
    this.#pump();
  }

  /** Sends waiting parts while the connection accepts output. */
  #pump(): void {
    const exchange = this.#exchange;
    while (this.#waiting.length > 0 && exchange.writable) {
      const part = this.#waiting[0];
      const { bytes, sent } = part;
      exchange.sendBody(bytes.subarray(sent, sent + PART_BYTES));
      part.sent += PART_BYTES;
      if (part.sent < bytes.length) continue;
      this.#waiting.shift();
      this.memory.give(part.counted);
      releaseMessage(bytes);
      if (part.last) exchange.end();
    }
  }

  get writable(): boolean {
    return this.#waiting.length === 0 && this.#exchange.writable;
  }

  onWritable(): void {
    this.#pump();
    if (this.writable) this.#sink?.onWritable();
  }

  abort(reason: string): void {
    this.#drop();
    this.#exchange.abort(reason);
  }

  /**
   * Closes the connection after the response, so that each fault costs the peer a new connection. Without effect once the
   * head is sent: it could not announce the close any more, and the peer's next request would be lost.
   */
  chargeFault(): void {
    if (!this.#exchange.headSent) this.#exchange.closeAfter();
  }

  /** Without effect: a connection has one request at a time. */
  handlerDone(): void {}

  #drop(): void {
    for (const { counted } of this.#waiting) this.memory.give(counted);
    this.#waiting.length = 0;
  }
}

function joined(prefix: Uint8Array, bytes: Uint8Array): Uint8Array {
  const both = new Uint8Array(prefix.length + bytes.length);
  both.set(prefix);
  both.set(bytes, prefix.length);
  return both;
}
