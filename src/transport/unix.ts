/**
 * Unix sockets, in the file system and in Linux's abstract namespace.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import type { UnixAbstractAddress, UnixAddress } from "./address.ts";
import { formatAddress } from "./address.ts";
import { ConnStream } from "./conn_stream.ts";
import { connectError, listenError } from "./failure.ts";
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

/**
 * Listens on a Unix socket. Replaces the socket file of a listener that no longer exists; rejects if the socket is in
 * use or the path is another file. Closing removes the file. `names` overrides the address and transport of the
 * listener and its connections.
 */
export async function listenUnix(
  address: UnixAddress | UnixAbstractAddress,
  names: { address: string; transport: string } = {
    address: formatAddress(address),
    transport: "unix",
  },
): Promise<Listener> {
  const text = names.address;
  const path = socketPath(address);
  const abstract = address.kind === "unix-abstract";
  let listener: Deno.UnixListener;
  try {
    try {
      listener = Deno.listen({ transport: "unix", path });
    } catch (error) {
      if (abstract || !(error instanceof Deno.errors.AddrInUse) || !await isStale(path)) {
        throw error;
      }
      await Deno.remove(path);
      listener = Deno.listen({ transport: "unix", path });
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new TransportError(`Cannot listen on ${text}: its directory does not exist`, {
        address: text,
        cause: error,
      });
    }
    throw listenError(text, error, `ss -lxp | grep -F ${abstract ? `@${address.name}` : path}`);
  }
  // Closing the runtime's listener removes its file.
  return new RuntimeListener<Deno.UnixConn>(
    listener,
    text,
    (conn) => unixStream(conn, text, names.transport),
  );
}

/** Whether `path` is a socket without a listener. */
async function isStale(path: string): Promise<boolean> {
  try {
    if (!Deno.lstatSync(path).isSocket) return false;
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}
