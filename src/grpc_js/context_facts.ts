/**
 * Facts about a call on a server in the forms of grpc-js, from the context of its handler.
 *
 * @module
 */

import { builtinModule } from "../bytes/builtin_module.ts";
import type { Metadata as WireMetadata } from "../call/metadata.ts";
import { pairsOf } from "../call/metadata.ts";
import type { HandlerContext } from "../rpc/core/types.ts";
import { errorFromOutside, type RpcError } from "../errors.ts";
import { certificateOf } from "../transport/kept_certificate.ts";
import type { AuthContext } from "./call_interface.ts";
import { Status } from "./constants.ts";
import { type Metadata, toWire } from "./metadata.ts";
import type { ConnectionInfo } from "./server_interceptors.ts";
import type { PartialStatusObject } from "./status.ts";

/** Returns the deadline of a call in ms since 1970; Infinity for none. */
export function deadlineIn(context: HandlerContext): number {
  return Date.now() + context.timeRemainingMs();
}

/** Returns the identity of the client. */
export function authContextIn({ peer }: HandlerContext): AuthContext {
  if (peer.tls === undefined) return {};
  const der = certificateOf(peer.tls);
  if (der === undefined) return { transportSecurityType: "ssl" };
  const { X509Certificate } = builtinModule("node:crypto");
  const sslPeerCertificate = new X509Certificate(der).toLegacyObject();
  return { transportSecurityType: "ssl", sslPeerCertificate };
}

/** Returns both ends of a connection. `local` is the address that the server listens on. */
export function connectionInfoIn(
  { peer }: HandlerContext,
  local: string | undefined,
): ConnectionInfo {
  const [remoteAddress, remotePort] = hostPort(peer.address);
  const [localAddress, localPort] = hostPort(local ?? "");
  return { localAddress, localPort, remoteAddress, remotePort };
}

function hostPort(address: string): [string?, number?] {
  const parts = /^\[?([^\]]*)\]?:(\d+)$/.exec(address);
  return parts === null ? [] : [parts[1], Number(parts[2])];
}

/** Adds metadata to what is sent. */
export function addTo(sent: WireMetadata, metadata: Metadata | null | undefined): void {
  const wire = metadata ? toWire(metadata) : undefined;
  if (wire === undefined) return;
  for (const [key, value] of pairsOf(wire)) sent.append(key, value);
}

/** Sends response headers, unless they were sent. */
export function sendHeaders(context: HandlerContext, metadata: Metadata): void {
  addTo(context.responseHeaders, metadata);
  context.sendHeaders();
}

/** Makes the error that ends a call with a status other than OK. */
export function errorOf({ code, details, metadata }: PartialStatusObject): RpcError {
  const known = code >= Status.CANCELLED && code <= Status.UNAUTHENTICATED;
  return errorFromOutside(known ? code : Status.UNKNOWN, String(details ?? ""), {
    metadata: metadata ? toWire(metadata) : undefined,
  });
}
