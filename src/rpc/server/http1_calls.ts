/**
 * HTTP/1.1 connections of a server: their requests become calls of gRPC-Web and Connect.
 *
 * @module
 */

import { systemTurns } from "../../event_loop/turns.ts";
import { Http1ServerConnection, type Http1ServerSink } from "../../http1/connection.ts";
import type { Exchange } from "../../http1/exchange.ts";
import type { Http1Limits } from "../../http1/options.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { Http1Exchange } from "../../web/server/http1_exchange.ts";
import type { AcceptCall, WebServer } from "../../web/server/web_server.ts";
import { dateFields } from "../http/http_date.ts";

/** Server's connection interface used by {@link Http1Calls}. */
export interface Http1CallsOwner {
  /** Turns requests into calls. */
  readonly web: WebServer;
  /** Share of the server's memory pool of the connection. */
  readonly memory: MemoryShare;
  /** Accepts a call. */
  readonly accept: AcceptCall;
  /** Closes the byte stream at once. */
  close(reason: string): void;
  /** Logs a message of the engine. */
  note(level: "debug" | "warn", message: string): void;
}

/** Creates the engine of a connection. */
export function http1Calls(
  owner: Http1CallsOwner,
  limits: Http1Limits,
  nowMs: number,
): Http1ServerConnection {
  return new Http1ServerConnection(new Http1Calls(owner), limits, nowMs);
}

class Http1Calls implements Http1ServerSink {
  readonly #owner: Http1CallsOwner;

  constructor(owner: Http1CallsOwner) {
    this.#owner = owner;
  }

  onRequest(exchange: Exchange): void {
    const { web, memory, accept } = this.#owner;
    const request = new Http1Exchange(exchange, memory);
    if (!exchange.pipelined) return web.open(request, accept);
    // Pipelined requests yield to the event loop first; otherwise a client that sends thousands would block other
    // connections.
    systemTurns.nextTurn().then(() => {
      if (!request.ended) web.open(request, accept);
    });
  }

  onBroken(reason: string): void {
    this.#owner.close(reason);
  }

  commonFields(): readonly string[] {
    return dateFields();
  }

  onNote(level: "debug" | "warn", message: string): void {
    this.#owner.note(level, message);
  }
}
