/**
 * One connection of an HTTP server: TLS handshake, engine, driver, and the handler's calls.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { toError } from "../../errors.ts";
import { Http1ServerConnection, type Http1ServerSink } from "../../http1/connection.ts";
import type { Exchange, ExchangeSink } from "../../http1/exchange.ts";
import { Lane, systemTurns } from "../../event_loop/turns.ts";
import { type MemoryPool, MemoryShare } from "../../limits/memory_pool.ts";
import type { ByteStream } from "../../transport/types.ts";
import { ConnectionDriver } from "../core/connection_driver.ts";
import { FailureLog } from "../core/failure_log.ts";
import { GRACEFUL_LINGER_MS } from "../core/linger.ts";
import { httpLog } from "../core/log.ts";
import { HttpBodyError, type HttpHandler, HttpReply } from "./handler.ts";
import { dateFields } from "./http_date.ts";
import type { Linked } from "./linked_list.ts";
import type { HttpLimits } from "./options.ts";
import { IncomingRequest } from "./request.ts";
import { RequestBody } from "./request_body.ts";
import { ResponseSender } from "./response.ts";

/** HTTP server interface used by its connections. */
export interface HttpConnectionOwner {
  readonly handler: HttpHandler;
  readonly onError: ((error: unknown) => Response | Promise<Response>) | undefined;
  readonly limits: Required<HttpLimits>;
  readonly memory: MemoryPool;
  readonly clock: Clock;
  /** Called when a request arrived. */
  requested(connection: HttpConnection): void;
  /** Called once when a connection has closed. */
  closed(connection: HttpConnection): void;
}

const FAILURES = new FailureLog(httpLog, true);
const TEXT = ["content-type", "text/plain; charset=utf-8"];
const INTERNAL = new HttpReply(500, TEXT, "Internal Server Error\n");
const BAD_HOST = new HttpReply(400, TEXT, "The host is not valid in a URL\n");

/** An accepted connection, until it is closed. */
export class HttpConnection implements Http1ServerSink, Linked<HttpConnection> {
  previous: HttpConnection | null = null;
  next: HttpConnection | null = null;
  readonly #owner: HttpConnectionOwner;
  readonly #stream: ByteStream;
  readonly #memory: MemoryShare;
  #engine: Http1ServerConnection | null = null;
  #driver: ConnectionDriver | null = null;
  #scheme = "http";
  /** Authority of the last request with a valid URL; a request with the same one needs no check. */
  #authority: string | null = null;
  #requested = false;
  #closed = false;

  /** Takes over `stream`. */
  constructor(owner: HttpConnectionOwner, stream: ByteStream) {
    this.#owner = owner;
    this.#stream = stream;
    this.#memory = new MemoryShare(owner.memory);
  }

  /**
   * Whether the connection has sent all responses and waits for a handshake, a request or the rest of a header section.
   */
  get waits(): boolean {
    try {
      return this.#engine === null || this.#engine.activeCalls === 0 && !this.#engine.hasOutput;
    } catch (error) {
      this.#driver?.fail(error);
      return false;
    }
  }

  /** Opens the connection and serves it. Never rejects; the owner's `closed` is called at the end. */
  async open(): Promise<void> {
    const { clock, limits } = this.#owner;
    if (this.#stream.handshake !== undefined) {
      const timer = clock.setTimer(() => this.close("No TLS handshake"), limits.headersTimeoutMs);
      try {
        await this.#stream.handshake();
      } catch (error) {
        httpLog.debug("{peer} failed in its TLS handshake: {error}", {
          peer: this.#stream.peer.address,
          error,
        });
        this.#stream.close();
        return this.#owner.closed(this);
      } finally {
        clock.clearTimer(timer);
      }
    }
    if (this.#closed) return this.#owner.closed(this);
    if (this.#stream.peer.tls !== undefined) this.#scheme = "https";
    this.#engine = new Http1ServerConnection(this, limits, clock.now());
    this.#driver = new ConnectionDriver({
      stream: this.#stream,
      engine: this.#engine,
      clock,
      onClose: () => this.#owner.closed(this),
      failures: FAILURES,
      stallTimeoutMs: limits.stallTimeoutMs,
      deferClose: true,
      lingerMs: GRACEFUL_LINGER_MS,
    });
    this.#driver.start();
  }

  /** Serves one request. */
  onRequest(exchange: Exchange): void {
    const call = new HttpCall(exchange, this.#memory, this.#scheme, this.#driver!);
    exchange.sink = call;
    this.#owner.requested(this);
    const { authority } = exchange.head;
    if (authority !== this.#authority) {
      if (!URL.canParse(call.request.url)) {
        exchange.closeAfter();
        return call.sender.reply(BAD_HOST);
      }
      this.#authority = authority;
    }
    const isFirst = !this.#requested;
    this.#requested = true;
    call.run(this.#owner, isFirst);
  }

  /** Closes at once: a response was cut short, or the peer did not read it. */
  onBroken(reason: string): void {
    this.close(reason);
  }

  /** Header fields that every response carries. */
  commonFields(): readonly string[] {
    return dateFields();
  }

  onNote(level: "debug" | "warn", message: string): void {
    httpLog[level]("{peer}: {message}", { peer: this.#stream.peer.address, message });
  }

  /** Accepts no further request, and closes after the response to an open one. */
  drain(): void {
    if (this.#engine === null) return this.close("The server is shutting down");
    const engine = this.#engine;
    this.#driver?.guard(() => engine.drain(this.#owner.clock.now()));
    this.#driver?.wake();
  }

  /** Closes at once. */
  close(reason: string): void {
    if (this.#driver !== null) return this.#driver.close(reason);
    // Rejects the pending handshake in `open`, which ends the connection.
    this.#closed = true;
    this.#stream.close();
  }
}

/** One request and the call of the handler for it. */
class HttpCall implements ExchangeSink {
  readonly request: IncomingRequest;
  readonly sender: ResponseSender;
  readonly #exchange: Exchange;
  readonly #body: RequestBody;
  readonly #driver: ConnectionDriver;

  constructor(
    exchange: Exchange,
    memory: MemoryShare,
    scheme: string,
    driver: ConnectionDriver,
  ) {
    this.#driver = driver;
    this.#exchange = exchange;
    this.#body = new RequestBody(exchange, memory);
    this.request = new IncomingRequest(exchange.head, this.#body, scheme);
    this.sender = new ResponseSender(exchange, memory, driver);
  }

  /**
   * Calls the handler and sends its response. `isFirst`: no request came before on the connection. An exception of the
   * engine closes the connection. Never rejects.
   */
  async run(owner: HttpConnectionOwner, isFirst: boolean): Promise<void> {
    try {
      // The first request of a connection, and pipelined ones, wait for a turn: a client that opens hundreds of
      // connections or sends thousands of requests would otherwise block the other connections.
      if (isFirst || this.#exchange.pipelined) {
        await systemTurns.nextTurn(this.#exchange.arrived ? Lane.CONNECTIONS : Lane.UNFINISHED);
      }
      if (this.#exchange.ended) return;
      const response = await owner.handler(this.request as unknown as Request);
      if (response instanceof HttpReply) this.sender.reply(response);
      else await this.sender.send(response);
    } catch (error) {
      await this.#fail(error, owner).catch((error) => this.#driver.fail(error));
    } finally {
      this.#body.close(new TypeError("The request is over"));
    }
  }

  async #fail(error: unknown, owner: HttpConnectionOwner): Promise<void> {
    if (this.#exchange.headSent) {
      httpLog.debug("A response failed: {error}", { error });
      return this.#exchange.abort(`The response failed: ${toError(error).message}`);
    }
    try {
      if (error instanceof HttpBodyError) {
        return this.sender.reply(new HttpReply(error.status, TEXT, `${error.message}\n`));
      }
      if (owner.onError !== undefined) return await this.sender.send(await owner.onError(error));
      httpLog.error("A handler failed: {error}", { error });
    } catch (second) {
      httpLog.error("onError failed: {error}", { error: second });
    }
    if (this.#exchange.headSent) this.#exchange.abort("The response failed");
    else this.sender.reply(INTERNAL);
  }

  onBody(bytes: Uint8Array): void {
    this.#body.receive(bytes);
  }

  onBodyEnd(): void {
    this.#body.end();
  }

  onAbort(reason: string): void {
    this.#body.close(new HttpBodyError(400, "The body ended before its length"));
    this.request.lost(reason);
    this.sender.onEnd();
  }

  onWritable(): void {
    this.sender.onWritable();
  }
}
