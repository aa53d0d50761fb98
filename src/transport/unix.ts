/**
 * Unix sockets, in the file system and in Linux's abstract namespace.
 *
 * @module
 */

import { basename } from "node:path";
import { TransportError } from "../errors.ts";
import { type RawConn, runtime } from "../runtime/mod.ts";
import type { UnixAbstractAddress, UnixAddress } from "./address.ts";
import { formatAddress } from "./address.ts";
import { ConnStream } from "./conn_stream.ts";
import { connectError, listenError } from "./failure.ts";
import { RuntimeListener } from "./tcp.ts";
import type { ByteStream, Listener } from "./types.ts";

/** Default permissions of a socket file: connections from the same user only. */
export const DEFAULT_UNIX_MODE = 0o600;

/** Connects to a Unix socket. */
export async function dialUnix(address: UnixAddress | UnixAbstractAddress): Promise<ByteStream> {
  const text = formatAddress(address);
  try {
    return unixStream(await connectUnix(address), text);
  } catch (error) {
    if (runtime.errorCode(error) === "ENOENT") {
      throw new TransportError(`Cannot connect to ${text}: the socket does not exist`, {
        address: text,
        cause: error,
      });
    }
    throw connectError(text, error);
  }
}

/** Opens a raw connection to a Unix socket; rejects with the runtime's errors. */
export function connectUnix(address: UnixAddress | UnixAbstractAddress): Promise<RawConn> {
  return runtime.connectUnix(socketPath(address));
}

function socketPath(address: UnixAddress | UnixAbstractAddress): string {
  return address.kind === "unix" ? address.path : `\0${address.name}`;
}

function unixStream(conn: RawConn, address: string, transport = "unix"): ByteStream {
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
  const wrap = (conn: RawConn) => unixStream(conn, text, names.transport);
  try {
    if (address.kind === "unix-abstract") {
      const listener = await runtime.listenUnix(socketPath(address));
      return new RuntimeListener(listener, text, wrap);
    }
    const { unixMode = DEFAULT_UNIX_MODE } = options;
    // Loads node:fs on demand.
    const { listenOnFile } = await import("./socket_file.ts");
    const { listener, file } = await listenOnFile(address.path, unixMode);
    return new RuntimeListener(listener, text, wrap, () => file.remove());
  } catch (error) {
    if (runtime.errorCode(error) === "ENOENT") {
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
