/**
 * Unix sockets, in the file system and in Linux's abstract namespace.
 *
 * @module
 */

import { basename } from "node:path";
import { TransportError } from "../errors.ts";
import type { UnixAbstractAddress, UnixAddress } from "./address.ts";
import { formatAddress } from "./address.ts";
import { ConnStream } from "./conn_stream.ts";
import { connectError, listenError } from "./failure.ts";
import { DEFAULT_UNIX_MODE, listenOnFile } from "./socket_file.ts";
import { RuntimeListener } from "./tcp.ts";
import type { ByteStream, Listener } from "./types.ts";

/** Connects to a Unix socket. */
export async function dialUnix(address: UnixAddress | UnixAbstractAddress): Promise<ByteStream> {
  const text = formatAddress(address);
  try {
    return unixStream(await connectUnix(address), text);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new TransportError(`Cannot connect to ${text}: the socket does not exist`, {
        address: text,
        cause: error,
      });
    }
    throw connectError(text, error);
  }
}

/** Opens a raw connection to a Unix socket; rejects with the runtime's errors. */
export function connectUnix(address: UnixAddress | UnixAbstractAddress): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: socketPath(address) });
}

function socketPath(address: UnixAddress | UnixAbstractAddress): string {
  return address.kind === "unix" ? address.path : `\0${address.name}`;
}

function unixStream(conn: Deno.UnixConn, address: string, transport = "unix"): ByteStream {
  // The dialling end of a Unix connection has no name, so both ends use the listener's.
  return new ConnStream(conn, { address, transport }, address);
}

/** Options of {@link listenUnix}. */
export interface UnixListenOptions {
  /** Permissions of the socket's file. Default 0o600. */
  unixMode?: number;
}

/**
 * Listens on a Unix socket. Replaces the socket file of a listener that no longer exists; rejects if the socket is in
 * use or the path is another file. Closing removes the file. `names` overrides the address and transport of the
 * listener and its connections.
 */
export async function listenUnix(
  address: UnixAddress | UnixAbstractAddress,
  options: UnixListenOptions = {},
  names: { address: string; transport: string } = {
    address: formatAddress(address),
    transport: "unix",
  },
): Promise<Listener> {
  const text = names.address;
  const wrap = (conn: Deno.UnixConn) => unixStream(conn, text, names.transport);
  try {
    if (address.kind === "unix-abstract") {
      const listener = Deno.listen({ transport: "unix", path: socketPath(address) });
      return new RuntimeListener<Deno.UnixConn>(listener, text, wrap);
    }
    const { unixMode = DEFAULT_UNIX_MODE } = options;
    const { listener, file } = await listenOnFile(address.path, unixMode);
    return new RuntimeListener<Deno.UnixConn>(listener, text, wrap, () => file.remove());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new TransportError(`Cannot listen on ${text}: its directory does not exist`, {
        address: text,
        cause: error,
      });
    }
    throw listenError(text, error, `ss -lxp | grep -F ${nameInTools(address)}`);
  }
}

/**
 * Returns the part of an address that tools such as `ss` show: a socket is bound in another directory than its path.
 */
function nameInTools(address: UnixAddress | UnixAbstractAddress): string {
  return address.kind === "unix" ? basename(address.path) : `@${address.name}`;
}
