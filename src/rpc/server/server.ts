/**
 * Servers: addresses, connections and shutdown.
 *
 * @module
 */

import { deferred } from "../core/deferred.ts";
import type { Clock } from "../../call/clock.ts";
import { IdMap } from "../../call/id_map.ts";
import type { CancelStatus } from "../../call/wire.ts";
import { checkRange, measured } from "../../limits/ranges.ts";
import { listen } from "../../transport/mod.ts";
import type { TlsServerOptions } from "../../transport/tls_options.ts";
import { TlsTerminator } from "../../transport/tls_server.ts";
import { drainOnChange, NO_TLS } from "./tls_change.ts";
import type { Server, UpdateTlsOptions } from "./server_types.ts";
import { checkServeArguments } from "./serve_arguments.ts";
import { guardStream } from "../../transport/guarded_stream.ts";
import type { ByteStream } from "../../transport/types.ts";
import { CallHost } from "./call_host.ts";
import { Drain, type DrainOptions } from "./drain.ts";
import { runCloseHooks } from "./close_hooks.ts";
import { QueuedClock } from "../core/queued_clock.ts";
import { systemClock } from "../core/system_clock.ts";
import { DeadlineQueue } from "../core/deadline_queue.ts";
import { currentInventory, type ServerEntry } from "../core/inventory.ts";
import type { CallObserver } from "../core/observer.ts";
import { FailureLog } from "../core/failure_log.ts";
import { type Dispatcher, wrapDispatcher } from "../dispatch/dispatcher.ts";
import { serverLog } from "../core/log.ts";
import { Releases } from "../core/releases.ts";
import { Router } from "../dispatch/router.ts";
import { AcceptedConnection, type ServerConnectionOwner } from "./connection.ts";
import {
  type ConnectionSettings,
  connectionSettings,
  DEFAULT_GRACE_MS,
  type ServeOptions,
  SERVER_ALPN,
  type ServerStats,
  WEB_ALPN,
} from "./options.ts";
import { ServerAttestation } from "../attestation/server_exchange.ts";
import { serverTls } from "../attestation/server_tls.ts";
import { Listeners, type ListenersOwner } from "./listeners.ts";
import { WebHosts } from "./web_hosts.ts";
import { WebServer } from "../../web/server/web_server.ts";
import { WarningLimit } from "./warning_limit.ts";

export type { Server } from "./server_types.ts";

// Time for the last frames, such as GOAWAY, to be sent after calls were cancelled.
const FLUSH_MS = 1000;

/**
 * Serves the methods that `configure` registers, over gRPC and lean, with `web` also over gRPC-Web and Connect, on one or several addresses
 * (`127.0.0.1:50051`, `unix:/run/app.sock`, `vsock:any:5000` …; see the address grammar). Resolves once all addresses
 * listen. Rejects with a TransportError if an address cannot be listened on, with TypeError or RangeError for invalid
 * arguments.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   router.service(EchoService, { echo: (request) => ({ payload: request.payload }) });
 * });
 * console.log(server.addresses[0]);
 * await server.finished;
 * ```
 *
 * @category Server
 */
export function serve(
  addresses: string | readonly string[],
  configure: (router: Router) => void,
  options: ServeOptions = {},
): Promise<Server> {
  return serveInRuntime(addresses, configure, options, systemClock);
}

/** Serves like {@link serve}, but with the given clock, for virtual time. */
export async function serveInRuntime(
  addresses: string | readonly string[],
  configure: (router: Router) => void,
  options: ServeOptions,
  clock: Clock,
): Promise<Server> {
  const texts = checkServeArguments(addresses, configure, options);
  const router = new Router(options.interceptors);
  configure(router);
  await router.added();
  const tls = await serverTls(options);
  const alpn = options.web ? WEB_ALPN : SERVER_ALPN;
  const terminator = tls === undefined || texts.length === 0
    ? undefined
    : await TlsTerminator.create({ tls, alpn });
  const server = new RunningServer(router, options, clock, terminator);
  const { reusePort, unixMode } = options;
  try {
    for (const address of texts) {
      const listener = await listen(address, { reusePort, unixMode });
      server.listeners.add(terminator?.listener(listener) ?? listener);
    }
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

class RunningServer implements Server, ServerConnectionOwner, ListenersOwner {
  readonly router: Router;
  readonly host: CallHost;
  readonly clock: Clock;
  readonly settings: ConnectionSettings;
  readonly web: WebServer | undefined;
  readonly attestation: ServerAttestation | undefined;
  readonly warnings: WarningLimit;
  readonly listeners = new Listeners(this);
  readonly counts: ServerStats["connections"] = {
    open: 0,
    accepted: 0,
    refused: 0,
    grpc: 0,
    lean: 0,
    http1: 0,
    unknown: 0,
    unopened: 0,
  };
  warnedOfHandshake = false;
  readonly finished: Promise<void>;
  readonly #webHosts: WebHosts | undefined;
  readonly #failures: FailureLog;
  #finish: () => void;
  #dispatcher: Dispatcher;
  #deadlines: DeadlineQueue;
  // Open connections by their number. An IdMap, because a Set would keep memory of closed connections.
  #connections = new IdMap<AcceptedConnection>();
  readonly #drains = new Set<Drain<AcceptedConnection>>();
  readonly #releases: Releases;
  readonly #tls: TlsTerminator | undefined;
  readonly #unwatch: (() => void) | undefined;
  /** The server in the inventory of the process, if there is one. */
  readonly #entry: ServerEntry | undefined;
  stopping = false;
  #shutdown: Promise<void> | undefined = undefined;
  #ended: Promise<void> | undefined = undefined;
  /** Callbacks that wake the drain. */
  #wakers = new Set<() => void>();

  constructor(router: Router, options: ServeOptions, clock: Clock, tls?: TlsTerminator) {
    this.#tls = tls;
    this.#unwatch = drainOnChange(options.tls, this);
    this.router = router;
    this.settings = connectionSettings(options);
    const { web, maxReceiveMessageBytes, encodings, infoText } = this.settings;
    this.web = web &&
      new WebServer({
        cors: web.cors,
        maxReceiveMessageBytes,
        encodings,
        infoText,
        isServing: () => !this.stopping && router.isServing(),
      });
    this.attestation = ServerAttestation.of(options, clock);
    this.#webHosts = web && new WebHosts(web);
    this.warnings = new WarningLimit(clock);
    this.#releases = new Releases(clock);
    this.#failures = new FailureLog(serverLog, options.printFailures ?? true);
    this.#deadlines = new DeadlineQueue(clock, (error) => {
      this.#failures.error("A deadline failed: {error}", { error });
    });
    this.clock = new QueuedClock(clock, this.#deadlines);
    this.#dispatcher = wrapDispatcher(router.registry, options.dispatcher);
    this.host = new CallHost({
      dispatcher: this.#dispatcher,
      clock,
      deadlines: this.#deadlines,
      compress: options.compress ?? false,
      encodings: this.settings.encodings,
      maxReceiveMessageBytes: this.settings.maxReceiveMessageBytes,
      memory: this.settings.memory,
      observer: options.observer,
      printFailures: options.printFailures,
    });
    router.servedBy(this.host);
    this.#entry = currentInventory()?.addServer(this);
    const { promise, resolve } = deferred<void>();
    this.finished = promise;
    this.#finish = resolve;
  }

  get addresses(): readonly string[] {
    return this.listeners.addresses;
  }

  get connections(): Iterable<AcceptedConnection> {
    return this.#connections.values();
  }

  observerOf(connection: AcceptedConnection): CallObserver | undefined {
    return this.#entry?.accepted(connection, this.host.observer);
  }

  serveConnection(stream: ByteStream): void {
    this.accept(
      guardStream(stream, "The argument of serveConnection", (error) => {
        this.#failures.hook("close of a byte stream given to serveConnection", error);
      }),
    );
  }

  /** Serves a connection; `address` is the listener's, undefined for one that was not accepted by a listener. */
  accept(stream: ByteStream, address?: string): void {
    this.counts.accepted++;
    if (!this.#admits(stream)) {
      this.counts.refused++;
      stream.close();
      this.#releases.add(stream.released?.());
      return;
    }
    const connection = new AcceptedConnection(
      this,
      stream,
      this.counts.accepted,
      address === undefined ? undefined : this.#webHosts?.of(address),
    );
    this.#connections.set(connection.number, connection);
    this.counts.open++;
    connection.open();
  }

  #warnedOfCid = false;
  #admits(stream: ByteStream): boolean {
    if (this.stopping) return false;
    const { maxConnections, allowVsockCids } = this.settings;
    const { address, vsockCid } = stream.peer;
    if (this.#connections.size >= maxConnections) {
      serverLog.debug("Refused {address}: {maxConnections} connections are open", {
        address,
        maxConnections,
      });
      return false;
    }
    if (vsockCid !== undefined && allowVsockCids && !allowVsockCids.includes(vsockCid)) {
      // One warning: a guest that connects again and again must not fill the log.
      serverLog[this.#warnedOfCid ? "debug" : "warn"](
        "Refused {address}: its context id is not in allowVsockCids (a warning is given once)",
        { address },
      );
      this.#warnedOfCid = true;
      return false;
    }
    return true;
  }

  closed(connection: AcceptedConnection): void {
    if (!this.#connections.delete(connection.number)) return;
    this.counts.open--;
    this.#releases.add(connection.released());
    for (const drain of this.#drains) drain.closed(connection);
    if (this.stopping && this.#connections.size === 0) this.#wake();
  }

  stats(): ServerStats {
    let active = 0;
    for (const connection of this.#connections.values()) active += connection.activeCalls;
    return {
      connections: { ...this.counts },
      calls: { ...this.host.stats(), active },
      bufferedBytes: this.settings.memory.used,
    };
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    const graceMs = graceOf(options);
    const drain = new Drain(this.#connections.values(), this.clock);
    this.#drains.add(drain);
    try {
      await drain.run(graceMs, options.status);
    } finally {
      this.#drains.delete(drain);
    }
  }

  async updateTls(tls: TlsServerOptions, { drain }: UpdateTlsOptions = {}): Promise<void> {
    if (this.#tls === undefined) throw new TypeError(NO_TLS);
    this.#tls.update(tls);
    if (drain !== undefined) await this.drain(drain);
  }

  shutdown(options: DrainOptions = {}): Promise<void> {
    try {
      const graceMs = graceOf(options);
      return this.#shutdown ??= this.#stopAndDrain(graceMs, options.status);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #stopAndDrain(graceMs: number, status: CancelStatus | undefined): Promise<void> {
    serverLog.info("Draining {connections} connections for up to {graceMs} ms", {
      connections: this.#connections.size,
      graceMs,
    });
    this.#stop();
    for (const connection of this.#connections.values()) connection.drain();
    await this.#allClosed(graceMs);
    if (this.#connections.size > 0) {
      serverLog.warn(
        "{connections} connections are open after {graceMs} ms, cancelling their calls",
        {
          connections: this.#connections.size,
          graceMs,
        },
      );
      for (const connection of this.#connections.values()) {
        connection.abort("The server is shutting down", status);
      }
      await this.#allClosed(FLUSH_MS);
    }
    await this.close();
  }

  close(): Promise<void> {
    return this.#ended ??= this.#closeNow();
  }

  async #closeNow(): Promise<void> {
    this.#stop();
    for (const connection of this.#connections.values()) connection.close("The server was closed");
    // Connections without an engine end when their pending read rejects.
    await this.#allClosed(FLUSH_MS);
    this.#wake();
    await Promise.all([this.listeners.close(), this.#releases.wait(FLUSH_MS)]);
    await runCloseHooks(this.#dispatcher, this.router, this.#failures, this.clock);
    this.#deadlines.close();
    this.#entry?.closed();
    serverLog.info("Closed");
    this.#finish();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Stops listening and runs the drain callbacks. */
  #stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    this.router.drainBegins((error) => this.#failures.hook("onDrain", error));
    this.listeners.close();
    this.#tls?.close();
    this.#unwatch?.();
    this.#wake();
  }

  /** Resolves when no connection is left or after `timeoutMs`. */
  async #allClosed(timeoutMs: number): Promise<void> {
    if (this.#connections.size > 0) await this.#sleep(timeoutMs);
  }

  /** Resolves after `ms`, or earlier by `#wake`. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        if (timer !== undefined) this.clock.clearTimer(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      // Infinity: only `#wake` resolves it.
      const timer = ms === Infinity ? undefined : this.clock.setTimer(wake, ms);
      this.#wakers.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}

/** Returns the grace period of a drain or a shutdown. Throws RangeError if it is out of range. */
function graceOf({ graceMs = DEFAULT_GRACE_MS }: DrainOptions): number {
  checkRange("graceMs", graceMs, measured(0));
  return graceMs;
}
