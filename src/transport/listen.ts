/**
 * Listeners on any address.
 *
 * @module
 */

import type { Address } from "./address.ts";
import { formatAddress } from "./address.ts";
import { parseAddress } from "./address_parser.ts";
import { listenHvsock } from "./hvsock.ts";
import { listenMemory } from "./memory.ts";
import { listenTcp } from "./tcp.ts";
import { tlsListener } from "./tls_server.ts";
import type { TlsServerOptions } from "./tls_options.ts";
import type { TlsWatch } from "./tls_watch.ts";
import type { Listener } from "./types.ts";
import { listenUnix } from "./unix.ts";
import { listenVsock } from "./vsock.ts";

/** Options of {@link listen}. */
export interface ListenOptions {
  /** TLS options, or files of certificates that are watched. Default: no TLS. */
  tls?: TlsServerOptions | TlsWatch;
  /** ALPN protocols to accept in the TLS handshake, in order of preference. */
  alpn?: readonly string[];
  /**
   * SO_REUSEPORT on TCP: listeners of several threads share the port. Needs Deno's flag `--unstable-net`, or Node
   * 22.12; without that, `listen` rejects with a {@link TransportError}. Default false.
   */
  reusePort?: boolean;
  /** Limit on the TCP connections that wait to be accepted. Default 4,096; Linux limits it by `net.core.somaxconn`. */
  backlog?: number;
  /** SO_KEEPALIVE on TCP. Default true. */
  tcpKeepAlive?: boolean;
  /**
   * Permissions of the file of a Unix socket (`unix:`, `hvsock:`), 0 to 0o777. Connecting needs the right to write.
   * Default 0o600: the same user only.
   */
  unixMode?: number;
}

/**
 * Listens on one address. With port 0 the system chooses the port, which the listener's address shows. Connections are
 * accepted before their TLS handshake. Rejects with a {@link TransportError}, or a TypeError or RangeError for invalid
 * options.
 */
export async function listen(
  address: string | Address,
  options: ListenOptions = {},
): Promise<Listener> {
  checkUnixMode(options.unixMode);
  const target = typeof address === "string" ? parseAddress(address) : address;
  const listener = await listenPlain(target, options);
  if (options.tls === undefined) return listener;
  try {
    return await tlsListener(listener, { tls: options.tls, alpn: options.alpn });
  } catch (error) {
    await listener.close();
    throw error;
  }
}

function checkUnixMode(mode: number | undefined): void {
  if (mode === undefined || Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  throw new RangeError(`Cannot use unixMode ${mode}: it must be a whole number, 0 to 0o777`);
}

/** Listens without TLS. */
async function listenPlain(target: Address, options: ListenOptions): Promise<Listener> {
  const text = formatAddress(target);
  if (options.reusePort && target.kind !== "tcp" && target.kind !== "dns") {
    throw new TypeError(`Cannot listen on ${text} with reusePort: only TCP supports it`);
  }
  switch (target.kind) {
    case "tcp":
    case "dns":
      return await listenTcp(target, options);
    case "unix":
    case "unix-abstract":
      return await listenUnix(target, options);
    case "memory":
      return listenMemory(target);
    case "vsock":
      return await listenVsock(target);
    case "hvsock":
      return await listenHvsock(target, options);
    case "list":
      throw new TypeError(
        `Cannot listen on ${text}: it contains ${target.addresses.length} addresses; listen on each of them`,
      );
  }
}
