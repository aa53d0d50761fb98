/**
 * HTTP/1.1 servers with handlers of the Fetch API, whose connections, header sections and bodies are bounded.
 *
 * @module
 */

import { deferred } from "../core/deferred.ts";
import type { Clock } from "../../call/clock.ts";
import { AcceptTurns } from "../../event_loop/accept_turns.ts";
import { MemoryPool } from "../../limits/memory_pool.ts";
import { checkRange, measured } from "../../limits/ranges.ts";
import { listen } from "../../transport/mod.ts";
import type { Listener } from "../../transport/types.ts";
import { httpLog } from "../core/log.ts";
import { DeadlineQueue } from "../core/deadline_queue.ts";
import { QueuedClock } from "../core/queued_clock.ts";
import { systemClock } from "../core/system_clock.ts";
import { HttpConnection, type HttpConnectionOwner } from "./connection.ts";
import type { HttpHandler } from "./handler.ts";
import { LinkedList } from "./linked_list.ts";
import { type HttpLimits, httpLimits, type HttpServeOptions } from "./options.ts";

/** Running HTTP server. */
export interface HttpServer extends AsyncDisposable {
  /** Address with the actual port, in the address grammar: `127.0.0.1:8080`, `unix:/run/app.sock` … */
  readonly address: string;
  /** Resolves when the server has closed. */
  readonly finished: Promise<void>;
  /**
   * Stops listening, lets open requests finish for `graceMs` (0 or more, default 5,000), then closes their connections.
   * A repeated call waits for the first. Rejects with RangeError for `graceMs` out of range.
   */
  shutdown(options?: { graceMs?: number }): Promise<void>;
  /** Closes at once. */
  close(): Promise<void>;
  /** Returns the counters of connections. */
  stats(): HttpServerStats;
}

/** Figures of an {@link HttpServer}, counted from its start. */
export interface HttpServerStats {
  /** Connections open now. */
  open: number;
  /** Connections accepted so far. */
  accepted: number;
  /** Connections closed because `maxConnections` were open: the new one, or one that waited for a request. */
  refused: number;
  /** Bytes of bodies that are being gathered or wait to be sent. */
  bufferedBytes: number;
}

const DEFAULT_GRACE_MS = 5_000;
const ACCEPT_RETRY_MS = 5;
const MAX_ACCEPT_RETRY_MS = 1_000;

/**
 * Serves HTTP/1.1 at an address of the address grammar. Resolves once the server listens. Rejects with a TransportError
 * if it can't listen, with TypeError or RangeError for invalid options.
 *
 * ```ts
 * import { serveHttp } from "@vrpc/vrpc/gateway";
 *
 * await using server = await serveHttp("127.0.0.1:0", () => new Response("hello\n"), {
 *   limits: { maxConnections: 1_000, headersTimeoutMs: 5_000 },
 * });
 * console.log(await (await fetch(`http://${server.address}/`)).text());
 * ```
 */
export async function serveHttp(
  address: string,
  handler: HttpHandler,
  options: HttpServeOptions = {},
): Promise<HttpServer> {
  const limits = httpLimits(options);
  const { tls } = options;
  const listener = await listen(address, { tls, alpn: tls ? ["http/1.1"] : undefined });
  return new RunningHttpServer(listener, handler, limits, options.onError);
}

class RunningHttpServer implements HttpServer, HttpConnectionOwner {
  readonly handler: HttpHandler;
  readonly onError: HttpServeOptions["onError"];
  readonly limits: Required<HttpLimits>;
  readonly memory: MemoryPool;
  readonly clock: Clock;
  readonly #timers: DeadlineQueue;
  readonly finished: Promise<void>;
  readonly #finish: () => void;
  readonly #listener: Listener;
  // Connections in the order of their last requests.
  readonly #connections = new LinkedList<HttpConnection>();
  #accepted = 0;
  #refused = 0;
  #stopping = false;
  #shutdown: Promise<void> | undefined = undefined;
  #allClosed: (() => void) | null = null;

  constructor(
    listener: Listener,
    handler: HttpHandler,
    limits: Required<HttpLimits>,
    onError: HttpServeOptions["onError"],
  ) {
    this.#listener = listener;
    this.handler = handler;
    this.limits = limits;
    this.onError = onError;
    this.memory = new MemoryPool(limits.maxBufferedBytes);
    this.#timers = new DeadlineQueue(systemClock, (error) => {
      httpLog.error("A timer failed: {error}", { error });
    });
    this.clock = new QueuedClock(systemClock, this.#timers);
    const { promise, resolve } = deferred<void>();
    this.finished = promise;
    this.#finish = resolve;
    this.#acceptLoop();
  }

  get address(): string {
    return this.#listener.address;
  }

  async #acceptLoop(): Promise<void> {
    const turns = new AcceptTurns();
    let retryMs = ACCEPT_RETRY_MS;
    while (!this.#stopping) {
      try {
        const stream = await this.#listener.accept();
        if (stream === null) return;
        retryMs = ACCEPT_RETRY_MS;
        this.#accepted++;
        if (!this.#makeRoom()) {
          this.#refused++;
          stream.close();
        } else {
          const connection = new HttpConnection(this, stream);
          this.#connections.add(connection);
          connection.open();
        }
        await turns.next();
      } catch (error) {
        if (this.#stopping) return;
        httpLog.warn("Cannot accept on {address}, retrying in {retryMs} ms: {error}", {
          address: this.address,
          retryMs,
          error,
        });
        const waitMs = retryMs;
        await new Promise<void>((resolve) => systemClock.setTimer(resolve, waitMs));
        retryMs = Math.min(retryMs * 2, MAX_ACCEPT_RETRY_MS);
      }
    }
  }

  /**
   * Whether a new connection may be served. At `maxConnections`, the connection that has waited longest without a
   * request is closed for it, so that silent connections and half-sent header sections do not use up the limit.
   */
  #makeRoom(): boolean {
    if (this.#stopping) return false;
    if (this.#connections.size < this.limits.maxConnections) return true;
    for (let next = this.#connections.first; next !== null; next = next.next) {
      if (!next.waits) continue;
      this.#refused++;
      next.close("A new connection needs its place");
      return true;
    }
    httpLog.debug("Refused a connection: {maxConnections} have a request", {
      maxConnections: this.limits.maxConnections,
    });
    return false;
  }

  requested(connection: HttpConnection): void {
    this.#connections.moveToEnd(connection);
  }

  closed(connection: HttpConnection): void {
    if (!this.#connections.remove(connection)) return;
    if (this.#connections.size === 0) this.#allClosed?.();
  }

  stats(): HttpServerStats {
    return {
      open: this.#connections.size,
      accepted: this.#accepted,
      refused: this.#refused,
      bufferedBytes: this.memory.used,
    };
  }

  shutdown(options: { graceMs?: number } = {}): Promise<void> {
    const { graceMs = DEFAULT_GRACE_MS } = options;
    try {
      checkRange("graceMs", graceMs, measured(0));
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#shutdown ??= this.#drain(graceMs);
  }

  async #drain(graceMs: number): Promise<void> {
    this.#stop();
    for (const connection of this.#connections.snapshot()) connection.drain();
    if (this.#connections.size > 0) {
      const { promise, resolve } = deferred<void>();
      this.#allClosed = resolve;
      const timer = graceMs === Infinity ? null : this.clock.setTimer(resolve, graceMs);
      await promise;
      if (timer !== null) this.clock.clearTimer(timer);
    }
    await this.close();
  }

  close(): Promise<void> {
    this.#stop();
    for (const connection of this.#connections.snapshot()) {
      connection.close("The server was closed");
    }
    this.#timers.close();
    this.#finish();
    return this.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#listener.close();
  }
}
