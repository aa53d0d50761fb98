/**
 * Deno's sockets for tests that play a raw peer, by node:net and node:tls. They share nothing with `src/runtime/node`,
 * which is under test.
 *
 * @module
 */

import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { errors } from "./errors.ts";

type Target =
  | { readonly transport?: "tcp"; readonly hostname?: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

const address = (host: string | undefined, port: number | undefined) => ({
  transport: "tcp",
  hostname: host?.replace(/^::ffff:/, "") ?? "",
  port: port ?? 0,
});

/** Connected socket. */
class Conn implements Disposable {
  readonly #socket: net.Socket;
  #failure: Error | undefined = undefined;
  #closed = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("error", (error) => this.#failure ??= error);
  }

  get localAddr() {
    return address(this.#socket.localAddress, this.#socket.localPort);
  }

  get remoteAddr() {
    return address(this.#socket.remoteAddress, this.#socket.remotePort);
  }

  /** Bytes up to the end of the peer's sending side; `toWeb` of a socket that is half open has no end. */
  get readable(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        const buffer = new Uint8Array(16_384);
        const count = await this.read(buffer);
        if (count === null) controller.close();
        else controller.enqueue(buffer.subarray(0, count));
      },
    });
  }

  get writable(): WritableStream<Uint8Array> {
    return new WritableStream({
      write: async (bytes) => {
        await this.write(bytes);
      },
      close: () => this.closeWrite(),
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#socket.read(
        Math.min(buffer.length, this.#socket.readableLength),
      );
      if (chunk !== null && chunk.length > 0) {
        buffer.set(chunk);
        return chunk.length;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#socket.readableEnded) return null;
      if (this.#socket.destroyed) throw new errors.BadResource("The socket is closed");
      await new Promise<void>((resolve) => {
        const events = ["readable", "end", "close"];
        const wake = () => {
          for (const event of events) this.#socket.off(event, wake);
          resolve();
        };
        for (const event of events) this.#socket.on(event, wake);
      });
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes.slice(), (error) => {
        if (error) reject(this.#failure ?? error);
        else resolve(bytes.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  setNoDelay(on = true): void {
    this.#socket.setNoDelay(on);
  }

  close(): void {
    if (this.#closed) throw new errors.BadResource("The socket is closed");
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#socket.destroy();
  }
}

/** Listening socket. */
class Listener implements Disposable, AsyncDisposable, AsyncIterable<Conn> {
  readonly #server = net.createServer({ allowHalfOpen: true });
  readonly #accepted: Conn[] = [];
  #wake = () => {};
  #closed = false;

  /** Binds at once: only without a host name does node:net, so the port is that of all addresses. */
  constructor(target: Target) {
    this.#server.on("connection", (socket) => {
      this.#accepted.push(new Conn(socket));
      this.#wake();
    });
    if (target.transport === "unix") this.#server.listen(target.path);
    else this.#server.listen(target.port);
  }

  get addr() {
    const bound = this.#server.address();
    return typeof bound === "string"
      ? { transport: "unix", path: bound }
      : address("127.0.0.1", bound?.port);
  }

  async accept(): Promise<Conn> {
    while (this.#accepted.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#closed) throw new errors.BadResource("The listener is closed");
    return this.#accepted.shift()!;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Conn> {
    while (!this.#closed) {
      const conn = await this.accept().catch(() => undefined);
      if (conn === undefined) return;
      yield conn;
    }
  }

  close(): void {
    if (this.#closed) throw new errors.BadResource("The listener is closed");
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#server.close();
    for (const conn of this.#accepted) conn[Symbol.dispose]();
    this.#wake();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** Connects to a TCP address or a Unix socket. */
async function connect(target: Target): Promise<Conn> {
  const socket = net.connect({
    ...target.transport === "unix"
      ? { path: target.path }
      : { host: target.hostname ?? "127.0.0.1", port: target.port },
    allowHalfOpen: true,
  });
  await once(socket, "connect");
  return new Conn(socket);
}

/** Connects with TLS. */
async function connectTls(
  { hostname, port, caCerts, alpnProtocols }: {
    readonly hostname: string;
    readonly port: number;
    readonly caCerts?: string[];
    readonly alpnProtocols?: string[];
  },
) {
  const socket = tls.connect({
    host: hostname,
    port,
    ca: caCerts,
    ALPNProtocols: alpnProtocols,
    servername: net.isIP(hostname) ? "" : hostname,
  });
  await once(socket, "secureConnect");
  return new Conn(socket);
}

/** Functions for sockets under their names in `Deno`. */
export const sockets = {
  connect,
  connectTls,
  listen: (target: Target) => new Listener(target),
};
