/**
 * Serves connections that something else has accepted.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { Status } from "../call/status.ts";
import type { ServeOptions } from "../rpc/server/options.ts";
import { serve, type Server } from "../rpc/server/server.ts";
import { type ByteStream, streamFrom } from "../transport/mod.ts";
import { tlsServer } from "../transport/tls_server.ts";
import { forceShutdown } from "./force_shutdown.ts";

const ignore = () => {};

/** Injectors of a server that serve connections or may still get some. */
export class Injectors {
  readonly #open = new Set<ConnectionInjectorImpl>();

  /** Number of injectors. */
  get size(): number {
    return this.#open.size;
  }

  /** Makes an injector of connections with these options; it is dropped when it has been destroyed and has closed. */
  make(options: ServeOptions): ConnectionInjectorImpl {
    const injector = new ConnectionInjectorImpl(options, () => this.#open.delete(injector));
    this.#open.add(injector);
    return injector;
  }

  /** Closes all connections at once. */
  close(): void {
    for (const injector of this.#open) injector.close();
  }

  /** Resolves when all connections are closed, once their calls have ended. */
  async shutdown(): Promise<void> {
    await Promise.all(Array.from(this.#open, (injector) => injector.shutdown()));
  }
}

/** Server of injected connections. */
export class ConnectionInjectorImpl {
  readonly #server: Promise<Server>;
  /** Resolves to what is put on injected streams: TLS, or nothing. */
  readonly #secure: Promise<(injected: ByteStream) => ByteStream>;
  readonly #onClosed: () => void;

  /** Makes an injector of connections with these options; calls `onClosed` after `destroy` and its last connection. */
  constructor(options: ServeOptions, onClosed: () => void) {
    this.#onClosed = onClosed;
    this.#server = serve([], () => {}, options);
    const { tls } = options;
    this.#secure = tls === undefined
      ? Promise.resolve((injected) => injected)
      : tlsServer({ tls, alpn: ["h2"] });
    // Options that are not valid fail each injected connection.
    this.#server.catch(ignore);
    this.#secure.catch(ignore);
  }

  /** Serves a connection. */
  injectConnection(connection: Duplex): void {
    this.#serve(streamFrom(connection)).catch((error) => connection.destroy(error));
  }

  async #serve(stream: ByteStream): Promise<void> {
    const [server, secure] = await Promise.all([this.#server, this.#secure]);
    server.serveConnection(secure(stream));
  }

  /** Lets open calls finish for `graceTimeMs`, then closes the connections. */
  drain(graceTimeMs: number): void {
    this.#server.then(
      (server) => server.drain({ graceMs: graceTimeMs, status: Status.CANCELLED }),
      ignore,
    );
  }

  /** Lets open calls finish, then closes the connections. */
  destroy(): void {
    this.shutdown().catch(ignore).finally(this.#onClosed);
  }

  /** Resolves when all connections are closed, once their calls have ended. */
  async shutdown(): Promise<void> {
    await (await this.#server).shutdown({ graceMs: Infinity });
  }

  /** Closes all connections at once. */
  close(): void {
    this.#server.then(forceShutdown, ignore);
  }
}
