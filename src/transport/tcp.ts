/**
 * TCP connections and listeners.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import {
  type NetAddr,
  type RawConn,
  type RawListener,
  runtime,
  type TcpConn,
} from "../runtime/mod.ts";
import type { DnsAddress, TcpAddress } from "./address.ts";
import { formatAddress, formatHostPort } from "./address.ts";
import { ConnStream } from "./conn_stream.ts";
import { connectError, listenError, transportError } from "./failure.ts";
import type { ByteStream, Listener } from "./types.ts";

/** Socket options of a TCP connection. */
export interface TcpSocketOptions {
  /** SO_KEEPALIVE. Default true. */
  tcpKeepAlive?: boolean;
}

// Default of `backlog`: Linux's own limit, also used by Go. With 511, some connections of a burst of a thousand wait a
// second before they resend their SYN.
const DEFAULT_BACKLOG = 4_096;

/** Options of a TCP listener. */
export interface TcpListenOptions extends TcpSocketOptions {
  /**
   * SO_REUSEPORT: listeners of several threads share the port. Needs Deno's flag `--unstable-net`, or Node 22.12.
   * Default false.
   */
  reusePort?: boolean;
  /** Limit on the connections that wait to be accepted. Default 4,096; Linux limits it by `net.core.somaxconn`. */
  backlog?: number;
}

/** Connects to an IP address, or to a name that the system resolves. */
export async function dialTcp(
  address: TcpAddress | DnsAddress,
  options: TcpSocketOptions & { signal?: AbortSignal } = {},
): Promise<ByteStream> {
  return tcpStream(await connectTcp(address, options));
}

/** Connects and sets TCP_NODELAY and SO_KEEPALIVE. */
export async function connectTcp(
  address: TcpAddress | DnsAddress,
  options: TcpSocketOptions & { signal?: AbortSignal },
): Promise<TcpConn> {
  try {
    const conn = await runtime.connectTcp(address.host, address.port, options.signal);
    setSocketOptions(conn, options);
    return conn;
  } catch (error) {
    throw connectError(formatAddress(address), error);
  }
}

function tcpStream(conn: TcpConn): ByteStream {
  const address = netAddress(conn.remoteAddr);
  return new ConnStream(conn, { address, transport: "tcp" }, netAddress(conn.localAddr));
}

function setSocketOptions(conn: TcpConn, options: TcpSocketOptions): void {
  try {
    // Output is coalesced before it is written; Nagle's algorithm would only add delays.
    conn.setNoDelay(true);
    conn.setKeepAlive(options.tcpKeepAlive ?? true);
  } catch {
    // The peer has closed the connection; the first read reports it.
  }
}

/** Formats an address of the runtime in the address grammar. */
export function netAddress(address: NetAddr): string {
  return formatHostPort(address.hostname, address.port);
}

/** Command that shows which process uses a TCP port. */
export function tcpHolder(port: number): string {
  return `ss -ltnp 'sport = :${port}'`;
}

/** Listens on an IP address, or on the first address of a name; port 0 lets the system choose. */
export async function listenTcp(
  address: TcpAddress | DnsAddress,
  options: TcpListenOptions = {},
): Promise<Listener> {
  const text = formatAddress(address);
  if (options.reusePort) {
    const reason = await runtime.lacks("reusePort");
    if (reason !== undefined) {
      throw new TransportError(`Cannot listen on ${text} with reusePort: ${reason}`, {
        address: text,
      });
    }
  }
  try {
    const listener = await runtime.listenTcp(address.host, address.port, {
      reusePort: options.reusePort ?? false,
      backlog: options.backlog ?? DEFAULT_BACKLOG,
    });
    return new RuntimeListener(listener, netAddress(listener.addr), (conn) => {
      setSocketOptions(conn, options);
      return tcpStream(conn);
    });
  } catch (error) {
    throw listenError(text, error, tcpHolder(address.port));
  }
}

/** Listener of the runtime as a {@link Listener}. */
export class RuntimeListener<C extends RawConn> implements Listener {
  readonly address: string;
  readonly #listener: RawListener<C>;
  readonly #wrap: (conn: C) => ByteStream;
  readonly #beforeClose: () => void;
  #closing: Promise<void> | undefined = undefined;
  /** Calls of `accept` that wait for the runtime. */
  #accepting = 0;
  #onIdle: (() => void) | undefined = undefined;

  /**
   * Takes over `listener`; `wrap` makes the stream of an accepted connection. `beforeClose` is called before the
   * listener is closed.
   */
  constructor(
    listener: RawListener<C>,
    address: string,
    wrap: (conn: C) => ByteStream,
    beforeClose: () => void = () => {},
  ) {
    this.#listener = listener;
    this.address = address;
    this.#wrap = wrap;
    this.#beforeClose = beforeClose;
  }

  async accept(): Promise<ByteStream | null> {
    if (this.#closing) return null;
    let conn: C;
    this.#accepting++;
    try {
      conn = await this.#listener.accept();
    } catch (error) {
      if (this.#closing) return null;
      throw transportError("Cannot accept a connection on", this.address, error);
    } finally {
      if (--this.#accepting === 0) this.#onIdle?.();
    }
    if (this.#closing) {
      conn.close();
      return null;
    }
    try {
      return this.#wrap(conn);
    } catch (error) {
      conn.close();
      throw error instanceof TransportError
        ? error
        : transportError("Cannot accept a connection on", this.address, error);
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#beforeClose();
    try {
      this.#listener.close();
    } catch {
      // The runtime has closed it already.
    }
    // The runtime frees the address once a pending accept has rejected.
    if (this.#accepting > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
  }
}
