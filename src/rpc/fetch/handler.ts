/**
 * Handlers of the Fetch API: requests become calls of the methods of a router.
 *
 * @module
 */

import type { Encoding } from "../../call/encodings.ts";
import type { StatusName } from "../../call/status.ts";
import { MemoryPool, MemoryShare } from "../../limits/memory_pool.ts";
import { checkFunctions } from "../../limits/ranges.ts";
import { WebServer } from "../../web/server/web_server.ts";
import { DeadlineQueue } from "../core/deadline_queue.ts";
import { encodingsOf } from "../core/encodings_option.ts";
import { FailureLog } from "../core/failure_log.ts";
import { serverLog } from "../core/log.ts";
import { systemClock } from "../core/system_clock.ts";
import { OpenCalls } from "../core/open_calls.ts";
import type { CallConnection } from "../dispatch/call_context.ts";
import { type Dispatcher, wrapDispatcher } from "../dispatch/dispatcher.ts";
import { HandlerSlots } from "../dispatch/handler_slots.ts";
import { Router } from "../dispatch/router.ts";
import { CallHost } from "../server/call_host.ts";
import { runCloseHooks } from "../server/close_hooks.ts";
import { corsPolicy } from "../server/web_options.ts";
import { type ExchangeOwner, FetchExchange, urlParts } from "./exchange.ts";
import { FetchHosts } from "./fetch_hosts.ts";
import {
  checkFetchOptions,
  FETCH_DEFAULTS,
  FETCH_LIMIT_DEFAULTS,
  FETCH_WEB_DEFAULTS,
  type FetchHandlerOptions,
} from "./options.ts";

/**
 * Handler of the Fetch API. Never rejects.
 *
 * @category Server
 */
export interface FetchHandler extends AsyncDisposable {
  /**
   * Answers a request. `info` may be what `Deno.serve` passes to its handlers: handlers of calls then see the client's
   * address.
   */
  (request: Request, info?: unknown): Promise<Response>;
  /** Registered methods. */
  readonly router: Router;
  /** Returns the counters of calls. */
  stats(): FetchHandlerStats;
  /**
   * Answers further requests with 503, cancels open calls and runs the callbacks of `onDrain` and `onClose`; resolves
   * when they have ended, after 5 s at most. Not needed where the process just ends.
   */
  close(): Promise<void>;
}

/**
 * Statistics of a handler, counted from its creation.
 *
 * @category Server
 */
export interface FetchHandlerStats {
  /** Counters of calls, as those of a server's `stats()`. */
  readonly calls: {
    /** Calls that arrived. */
    readonly started: number;
    /** Calls that ended with OK. */
    readonly succeeded: number;
    /** Calls that ended with another status, by its name. */
    readonly failed: Readonly<Partial<Record<StatusName, number>>>;
    /** Calls that are open, or cancelled with a handler that still runs. */
    readonly active: number;
  };
  /** Bytes of incomplete, unread and unsent messages. */
  readonly bufferedBytes: number;
}

/**
 * Creates a handler for the methods that `configure` registers, or for those of a router, over Connect and gRPC-Web.
 * gRPC itself needs trailers, which a `Response` does not have. Requests of clients are read before, or while, they are
 * answered, as the runtime allows; in browsers and over HTTP/1.1 a stream of requests ends before its response begins.
 * Throws TypeError or RangeError for invalid arguments.
 *
 * ```ts
 * import { fetchHandler } from "@vrpc/vrpc/fetch";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * const handler = fetchHandler((router) => {
 *   router.service(EchoService, { echo: (request) => ({ payload: request.payload }) });
 * });
 * await using server = Deno.serve({ port: 0, hostname: "127.0.0.1" }, handler);
 * ```
 *
 * @category Server
 */
export function fetchHandler(
  configure: ((router: Router) => void) | Router,
  options: FetchHandlerOptions = {},
): FetchHandler {
  checkFetchOptions(options);
  const server = new FetchServer(routerOf(configure, options), options);
  const { router } = server;
  return Object.freeze(Object.defineProperties(
    (request: Request, info?: unknown) =>
      router.hasDefinitions
        ? router.added().then(() => server.handle(request, info))
        : server.handle(request, info),
    {
      router: { value: server.router },
      stats: { value: () => server.stats() },
      close: { value: () => server.close() },
      [Symbol.asyncDispose]: { value: () => server.close() },
    },
  )) as FetchHandler;
}

function routerOf(
  configure: ((router: Router) => void) | Router,
  { interceptors }: FetchHandlerOptions,
): Router {
  if (configure instanceof Router) {
    if (interceptors === undefined) return configure;
    throw new TypeError("Cannot use interceptors with a router: give them to the router");
  }
  checkFunctions("fetchHandler", [configure]);
  const router = new Router(interceptors);
  configure(router);
  return router;
}

class FetchServer implements ExchangeOwner {
  readonly router: Router;
  readonly clock = systemClock;
  readonly deadlines: DeadlineQueue;
  readonly requestTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly #host: CallHost;
  readonly #web: WebServer;
  readonly #hosts: FetchHosts;
  readonly #encodings: readonly Encoding[];
  readonly #memory: MemoryPool;
  readonly #failures: FailureLog;
  readonly #dispatcher: Dispatcher;
  readonly #prefix: string;
  readonly #maxCalls: number;
  readonly #handlers = new HandlerSlots(Infinity);
  readonly #open = new Set<FetchExchange>();
  #active = 0;
  #closing: Promise<void> | undefined = undefined;

  constructor(router: Router, options: FetchHandlerOptions) {
    const { web = {}, limits = {} } = options;
    this.router = router;
    this.requestTimeoutMs = web.requestTimeoutMs ?? FETCH_WEB_DEFAULTS.requestTimeoutMs!;
    this.stallTimeoutMs = limits.stallTimeoutMs ?? FETCH_LIMIT_DEFAULTS.stallTimeoutMs;
    this.#maxCalls = limits.maxConcurrentCalls ?? FETCH_LIMIT_DEFAULTS.maxConcurrentCalls;
    this.#memory = new MemoryPool(limits.maxBufferedBytes ?? FETCH_LIMIT_DEFAULTS.maxBufferedBytes);
    this.#encodings = encodingsOf(options.encodings);
    this.#prefix = options.pathPrefix ?? "";
    this.#failures = new FailureLog(serverLog, options.printFailures ?? true);
    this.deadlines = new DeadlineQueue(this.clock, (error) => {
      this.#failures.error("A deadline failed: {error}", { error });
    });
    const maxReceiveMessageBytes = options.maxReceiveMessageBytes ??
      FETCH_DEFAULTS.maxReceiveMessageBytes!;
    this.#web = new WebServer({
      cors: corsPolicy(web.cors),
      maxReceiveMessageBytes,
      encodings: this.#encodings,
      infoText: options.infoText ?? FETCH_DEFAULTS.infoText!,
      isServing: () => router.isServing(),
    });
    this.#hosts = new FetchHosts(web);
    this.#dispatcher = wrapDispatcher(router.registry, options.dispatcher);
    this.#host = new CallHost({
      dispatcher: this.#dispatcher,
      clock: this.clock,
      deadlines: this.deadlines,
      compress: options.compress ?? false,
      encodings: this.#encodings,
      maxReceiveMessageBytes,
      memory: this.#memory,
      observer: options.observer,
      printFailures: options.printFailures,
    });
    router.servedBy(this.#host);
  }

  async handle(request: Request, info: unknown): Promise<Response> {
    const parts = urlParts(request.url);
    if (!parts.path.startsWith(`${this.#prefix}/`)) {
      return this.#refuse(
        request,
        404,
        `No page at this path: calls begin with ${this.#prefix}/\n`,
      );
    }
    const full = this.#closing !== undefined || this.#active >= this.#maxCalls;
    // A page whose preflight fails does not see why.
    if (full && request.method !== "OPTIONS") {
      return this.#refuse(request, 503, "Too many calls are open, or the server is closing\n");
    }
    const path = parts.path.slice(this.#prefix.length);
    const memory = new MemoryShare(this.#memory);
    const remote = remoteOf(info);
    const exchange = new FetchExchange(request, { ...parts, path }, memory, this);
    this.#active++;
    const connection: CallConnection = {
      peer: Object.freeze({ address: remote.address, transport: "fetch" }),
      wire: "connect",
      clock: this.clock,
      memory,
      handlers: this.#handlers,
      encodings: this.#encodings,
      lastCancelError: undefined,
      calls: new OpenCalls(),
      fail: (error) => {
        this.#failures.error("A call failed: {error}", { error });
        exchange.abort("The call failed");
      },
    };
    const hosts = this.#hosts.of(request.url, remote.hostname);
    this.#web.open(exchange, (call) => this.#host.accept(call, connection), hosts);
    if (!exchange.ended) this.#open.add(exchange);
    return await exchange.response;
  }

  /** Answers a request that is not served. Callers of both protocols read 503 as UNAVAILABLE. */
  #refuse({ headers: asked, method }: Request, status: 404 | 503, text: string): Response {
    const headers = new Headers({ "content-type": "text/plain; charset=utf-8" });
    if (status === 503) headers.set("retry-after", "1");
    const fields = this.#web.pageFields(asked.get("origin") ?? undefined, method);
    for (let i = 0; i < fields.length; i += 2) headers.append(fields[i], fields[i + 1]);
    return new Response(text, { status, headers });
  }

  onEnd(exchange: FetchExchange): void {
    this.#open.delete(exchange);
  }

  onHandlerDone(): void {
    this.#active--;
  }

  stats(): FetchHandlerStats {
    return {
      calls: { ...this.#host.stats(), active: this.#active },
      bufferedBytes: this.#memory.used,
    };
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.router.drainBegins((error) => this.#failures.hook("onDrain", error));
    for (const exchange of [...this.#open]) exchange.close();
    this.deadlines.close();
    await runCloseHooks(this.#dispatcher, this.router, this.#failures, this.clock);
  }
}

/** Address and IP address of a client; empty where the runtime does not name them. */
interface Remote {
  readonly address: string;
  readonly hostname: string;
}

const UNKNOWN: Remote = { address: "", hostname: "" };

/** The client, as far as the runtime names it. Never throws, whatever the application passes as `info`. */
function remoteOf(info: unknown): Remote {
  try {
    const remote = (info as { remoteAddr?: unknown } | null | undefined)?.remoteAddr;
    if (typeof remote !== "object" || remote === null) return UNKNOWN;
    const { hostname, port, path } = remote as Record<string, unknown>;
    if (typeof hostname === "string" && typeof port === "number") {
      const host = hostname.includes(":") ? `[${hostname}]` : hostname;
      return { address: `${host}:${port}`, hostname };
    }
    return typeof path === "string" ? { address: `unix:${path}`, hostname: "" } : UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
