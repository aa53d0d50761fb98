/**
 * Checks of accepted connections.
 *
 * @module
 */

import { runtime } from "../../runtime/mod.ts";
import type { SniffedWire } from "./protocol_sniffer.ts";

/** Wires by their names in ALPN. */
const ALPN_WIRES: Readonly<Record<string, SniffedWire>> = {
  "h2": "grpc",
  "vrpc-lean/1": "lean",
  "http/1.1": "http1",
};

/** Whether a connection speaks another protocol than TLS negotiated (RFC 7301 §3.2). */
export function contradicts(alpn: string | undefined, wire: SniffedWire): boolean {
  if (wire !== "grpc" && wire !== "lean" && wire !== "http1" || alpn === undefined) return false;
  return alpn in ALPN_WIRES && ALPN_WIRES[alpn] !== wire;
}

/** Whether a handshake failed because the connection was closed, as by a port probe. */
export function isClose(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error &&
    /^(EOF|ECONNRESET|EBADF|EINTR)$/.test(runtime.errorCode(cause) ?? "");
}
