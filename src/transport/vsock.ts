/**
 * AF_VSOCK: sockets between a virtual machine and its host.
 *
 * @module
 */

import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import { runtime, type VsockConn } from "../runtime/mod.ts";
import type { VsockAddress } from "./address.ts";
import { formatAddress } from "./address.ts";
import { ConnStream } from "./conn_stream.ts";
import { connectError, listenError } from "./failure.ts";
import { RuntimeListener } from "./tcp.ts";
import type { ByteStream, Listener } from "./types.ts";

// VMADDR_PORT_ANY: the kernel chooses the port.
const PORT_ANY = 0xffffffff;

/** Connects to a vsock address. Needs Deno's flag `--unstable-vsock`. */
export async function dialVsock(address: VsockAddress): Promise<ByteStream> {
  const text = formatAddress(address);
  await requireVsock(text);
  try {
    return vsockStream(await runtime.connectVsock(words(address)));
  } catch (error) {
    throw connectError(text, error);
  }
}

/** Listens on a vsock address; port 0 lets the kernel choose. Needs Deno's flag `--unstable-vsock`. */
export async function listenVsock(address: VsockAddress): Promise<Listener> {
  const text = formatAddress(address);
  await requireVsock(text);
  const port = address.port === 0 ? PORT_ANY : address.port;
  try {
    const listener = await runtime.listenVsock(words({ cid: address.cid, port }));
    return new RuntimeListener(
      listener,
      formatAddress({ kind: "vsock", cid: address.cid, port: listener.addr.port >>> 0 }),
      vsockStream,
    );
  } catch (error) {
    throw listenError(text, error, `ss --vsock -lp 'sport = :${address.port}'`);
  }
}

async function requireVsock(address: string): Promise<void> {
  const reason = await runtime.lacks("vsock");
  if (reason !== undefined) {
    throw new TransportError(`Cannot use ${address}: ${reason}`, { address });
  }
}

/** Converts to the signed 32-bit integers of the runtime. */
function words({ cid, port }: { cid: number; port: number }): { cid: number; port: number } {
  return { cid: cid | 0, port: port | 0 };
}

function vsockStream(conn: VsockConn): ByteStream {
  const { cid, port } = conn.remoteAddr;
  const peer: PeerInfo = {
    address: formatAddress({ kind: "vsock", cid: cid >>> 0, port: port >>> 0 }),
    transport: "vsock",
    vsockCid: cid >>> 0,
  };
  const local = conn.localAddr;
  return new ConnStream(
    conn,
    peer,
    formatAddress({ kind: "vsock", cid: local.cid >>> 0, port: local.port >>> 0 }),
  );
}
