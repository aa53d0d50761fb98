/**
 * The binding of a document to a channel: what its user data must be.
 *
 * @module
 */

import { builtinModule } from "../../bytes/builtin_module.ts";
import { AttestationError } from "../../attestation/attestation_error.ts";
import type { ByteStream } from "../../transport/types.ts";

/** Transports without TLS over which documents may be exchanged: their peers are on this machine. */
const LOCAL: readonly string[] = ["vsock", "hvsock", "unix", "memory"];

/** Channel of a connection, as attesters and policies name it. */
export type ChannelKind = "tls" | "vsock";

/**
 * Returns the user data of the document of `role`: SHA-256 over a label and what is unique to the TLS connection.
 * Throws an AttestationError (`unavailable`) if the connection is not of this kind, or does not tell what is unique to it.
 */
export function bindingOf(
  stream: ByteStream,
  format: string,
  channel: ChannelKind,
  role: "client" | "server",
): Uint8Array {
  const { tls, transport } = stream.peer;
  const hash = builtinModule("node:crypto").createHash("sha256");
  hash.update(`vrpc-attest/1 ${format} ${channel} ${role}\0`);
  if (channel === "vsock") {
    if (tls !== undefined) throw unavailable("the connection has TLS, the channel is vsock");
    if (!LOCAL.includes(transport)) throw unavailable(`the channel is vsock, not ${transport}`);
    return new Uint8Array(hash.digest());
  }
  if (tls === undefined) throw unavailable("the connection has no TLS");
  const binding = stream.channelBinding?.();
  if (binding === undefined) {
    throw unavailable("the runtime has no exporters of TLS 1.3 for this connection");
  }
  const { client, server, serverKey } = binding;
  const key = builtinModule("node:crypto").createHash("sha256").update(serverKey).digest();
  return new Uint8Array(hash.update(client).update(server).update(key).digest());
}

function unavailable(why: string): AttestationError {
  return new AttestationError("unavailable", `Cannot bind a document to the connection: ${why}`);
}
