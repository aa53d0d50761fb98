/**
 * Connections and listeners of node:net.
 *
 * @module
 */

import net from "node:net";
import type { BoundListener, NetAddr, RawListener, TcpConn } from "../types.ts";
import { closedError, SocketConn } from "./socket_conn.ts";

// Backlog of Unix sockets, whose listeners have no option for it: Node's own default.
const UNIX_BACKLOG = 511;

/** Connects a socket; rejects with the signal's reason if that fires first. */
export function connect(
  options: net.NetConnectOpts,
  remote?: NetAddr,
  signal?: AbortSignal,
): Promise<SocketConn> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = net.connect({ ...options, allowHalfOpen: true });
    const settle = () => {
      signal?.removeEventListener("abort", onAbort);
      socket.off("connect", onConnect).off("close", onClose);
    };
    const onConnect = () => {
      settle();
      resolve(new SocketConn(socket, remote));
    };
    let failure: unknown;
    const onClose = () => {
      settle();
      reject(failure);
    };
    const onAbort = () => {
      failure ??= signal!.reason;
      socket.destroy();
    };
    socket.on("connect", onConnect).on("close", onClose);
    // This listener is never removed: an error without a listener would end the process.
    socket.on("error", (error) => failure ??= error);
    signal?.addEventListener("abort", onAbort);
  });
}

/** Listens on a TCP address. */
export async function listenTcp(
  host: string,
  port: number,
  { reusePort, backlog }: { readonly reusePort: boolean; readonly backlog: number },
): Promise<BoundListener<TcpConn, NetAddr>> {
  const listener = new SocketListener(backlog);
  const options: net.ListenOptions & { reusePort?: boolean } = { host, port, backlog };
  if (reusePort) options.reusePort = true;
  const { address, port: actual } = await listener.listen(options) as net.AddressInfo;
  return Object.assign(listener, { addr: { hostname: address, port: actual } });
}

/** Listens on a Unix socket. */
export async function listenUnix(path: string): Promise<RawListener<SocketConn>> {
  const listener = new SocketListener(UNIX_BACKLOG);
  await listener.listen({ path });
  return listener;
}

/**
 * Server socket. Node empties the system's queue of connections at once, whether or not `accept` is called: as many wait
 * here as the backlog allows, and more are closed, because node:net cannot leave them in the system's queue.
 */
class SocketListener implements RawListener<SocketConn> {
  readonly #server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  #pending: net.Socket[] = [];
  #acceptors: { resolve(conn: SocketConn): void; reject(error: unknown): void }[] = [];
  #failure: unknown = undefined;
  #closed = false;

  constructor(backlog: number) {
    this.#server.on("connection", (socket) => {
      const acceptor = this.#acceptors.shift();
      if (acceptor !== undefined) acceptor.resolve(new SocketConn(socket));
      else if (this.#closed || this.#pending.length >= backlog) socket.destroy();
      else {
        // Until it is accepted, an error of the connection must not end the process.
        socket.on("error", () => {});
        this.#pending.push(socket);
      }
    });
  }

  /** Binds the socket; resolves to its address. Rejects if it can't be bound. */
  listen(options: net.ListenOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(options, () => {
        this.#server.off("error", reject).on("error", (error) => this.#onError(error));
        resolve(this.#server.address());
      });
    });
  }

  accept(): Promise<SocketConn> {
    if (this.#closed) return Promise.reject(closedError());
    const socket = this.#pending.shift();
    if (socket !== undefined) return Promise.resolve(new SocketConn(socket));
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    return new Promise((resolve, reject) => this.#acceptors.push({ resolve, reject }));
  }

  close(): void {
    this.#closed = true;
    this.#server.close();
    for (const socket of this.#pending) socket.destroy();
    this.#pending = [];
    for (const acceptor of this.#acceptors) acceptor.reject(closedError());
    this.#acceptors = [];
  }

  /** Reports a failed accept, such as for want of descriptors. */
  #onError(error: unknown): void {
    const acceptor = this.#acceptors.shift();
    if (acceptor !== undefined) acceptor.reject(error);
    else this.#failure = error;
  }
}
