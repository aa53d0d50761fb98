/**
 * Serves connections that something else has accepted.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import type { ServeOptions } from "../rpc/server/options.ts";
import { serve, type Server } from "../rpc/server/server.ts";
import { type ByteStream, type Listener, streamFrom, tlsListener } from "../transport/mod.ts";

const ignore = () => {};

/** Server of injected connections. */
export class ConnectionInjectorImpl {
  readonly #tls: ServeOptions["tls"];
  readonly #server: Promise<Server>;

  /** Makes an injector of connections with these options. */
  constructor(options: ServeOptions) {
    this.#tls = options.tls;
    this.#server = serve([], () => {}, options);
    // Options that are not valid fail each injected connection.
    this.#server.catch(ignore);
  }

  /** Serves a connection. */
  injectConnection(connection: Duplex): void {
    this.#serve(streamFrom(connection)).catch((error) => connection.destroy(error));
  }

  async #serve(stream: ByteStream): Promise<void> {
    const server = await this.#server;
    server.serveConnection(this.#tls === undefined ? stream : await secured(stream, this.#tls));
  }

  /** Lets open calls finish for `graceTimeMs`, then closes the connections. */
  drain(graceTimeMs: number): void {
    this.#server.then((server) => server.drain({ graceMs: graceTimeMs }), ignore);
  }

  /** Lets open calls finish, then closes the connections. */
  destroy(): void {
    this.shutdown().catch(ignore);
  }

  /** Resolves when all connections are closed, once their calls have ended. */
  async shutdown(): Promise<void> {
    await (await this.#server).shutdown({ graceMs: Infinity });
  }

  /** Closes all connections at once. */
  close(): void {
    this.#server.then((server) => server.close(), ignore);
  }
}

/** Puts a server's TLS on a stream. */
async function secured(
  stream: ByteStream,
  tls: NonNullable<ServeOptions["tls"]>,
): Promise<ByteStream> {
  const once: Listener = {
    address: stream.localAddress,
    accept: () => Promise.resolve(stream),
    close: () => Promise.resolve(),
  };
  const listener = await tlsListener(once, { tls, alpn: ["h2"] });
  return await listener.accept() ?? stream;
}
