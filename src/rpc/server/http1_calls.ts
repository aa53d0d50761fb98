/**
 * HTTP/1.1 connections of a server: their requests become calls of gRPC-Web and Connect, or open a WebSocket.
 *
 * @module
 */

import type { HostRules } from "../../call/host_rules.ts";
import { systemTurns } from "../../event_loop/turns.ts";
import { Http1ServerConnection, type Http1ServerSink } from "../../http1/connection.ts";
import type { Exchange } from "../../http1/exchange.ts";
import type { Http1Limits } from "../../http1/options.ts";
import type { MemoryShare } from "../../limits/memory_pool.ts";
import { Http1Exchange } from "../../web/server/http1_exchange.ts";
import type { AcceptCall, WebServer } from "../../web/server/web_server.ts";
import { dateFields } from "../http/http_date.ts";
import { SwitchableConnection, type SwitchOwner } from "./switchable_connection.ts";

/** Server's connection interface used by {@link Http1Calls}. */
export interface Http1CallsOwner extends SwitchOwner {
  /** Turns requests into calls. */
  readonly web: WebServer;
  /** Hosts that requests may name; undefined for all. */
  readonly hosts: HostRules | undefined;
  /** Share of the server's memory pool of the connection. */
  readonly memory: MemoryShare;
  /** Whether WebSockets may be opened. */
  readonly webSockets: boolean;
  /** Accepts a call. */
  readonly accept: AcceptCall;
  /** Closes the byte stream at once. */
  close(reason: string): void;
}

/** Creates the engine of a connection. */
export function http1Calls(
  owner: Http1CallsOwner,
  limits: Http1Limits,
  nowMs: number,
): SwitchableConnection {
  const http1 = new Http1ServerConnection(new Http1Calls(owner), limits, nowMs);
  return new SwitchableConnection(http1, owner);
}

class Http1Calls implements Http1ServerSink {
  readonly #owner: Http1CallsOwner;

  constructor(owner: Http1CallsOwner) {
    this.#owner = owner;
  }

  onRequest(exchange: Exchange): void {
    const { web, hosts, memory, accept, webSockets } = this.#owner;
    const request = new Http1Exchange(exchange, memory, webSockets);
    if (!exchange.pipelined) return web.open(request, accept, hosts);
    // Pipelined requests yield to the event loop first; otherwise a client that sends thousands would block other
    // connections.
    systemTurns.nextTurn().then(() => {
      if (!request.ended) web.open(request, accept, hosts);
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
