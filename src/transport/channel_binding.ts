/**
 * What is unique to one TLS connection, so that a document can be bound to it.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import type tls from "node:tls";

/** Keying material of a TLS 1.3 connection, which only its two ends can export, and the key of its server. */
export interface ChannelBinding {
  /** The client's exporter (RFC 8446 §7.5), 32 bytes. */
  readonly client: Uint8Array;
  /** The server's exporter, 32 bytes. */
  readonly server: Uint8Array;
  /** SubjectPublicKeyInfo in DER of the key that the server proved in the handshake. */
  readonly serverKey: Uint8Array;
}

/** Labels of the exporters. They are those that Deno's node:tls gives as Finished messages. */
const LABELS = {
  client: "EXPORTER_DENO_TLS_FINISHED_CLIENT",
  server: "EXPORTER_DENO_TLS_FINISHED_SERVER",
} as const;
const EXPORTER_BYTES = 32;

/** Part of a TLS socket that gives exporters; Deno has the first two functions, Node all. */
interface ExportingSocket {
  getFinished?(): Uint8Array | undefined;
  getPeerFinished?(): Uint8Array | undefined;
  exportKeyingMaterial?(length: number, label: string): Uint8Array;
  getProtocol(): string | null;
}

/**
 * Returns the binding of a connection whose handshake is complete; undefined where there is none: before TLS 1.3, whose
 * exporters do not cover the whole handshake, and on a runtime without exporters.
 */
export function channelBinding(
  socket: tls.TLSSocket,
  role: "client" | "server",
  serverCertificate: string | Uint8Array,
): ChannelBinding | undefined {
  try {
    const exporting = socket as unknown as ExportingSocket;
    if (exporting.getProtocol() !== "TLSv1.3") return undefined;
    const client = exporter(exporting, "client", role);
    const server = exporter(exporting, "server", role);
    if (client?.length !== EXPORTER_BYTES || server?.length !== EXPORTER_BYTES) return undefined;
    const { publicKey } = new X509Certificate(serverCertificate);
    const serverKey = publicKey.export({ type: "spki", format: "der" });
    return { client, server, serverKey: new Uint8Array(serverKey) };
  } catch {
    return undefined;
  }
}

function exporter(
  socket: ExportingSocket,
  of: "client" | "server",
  role: "client" | "server",
): Uint8Array | undefined {
  const bytes = socket.exportKeyingMaterial !== undefined
    ? socket.exportKeyingMaterial(EXPORTER_BYTES, LABELS[of])
    : of === role
    ? socket.getFinished?.()
    : socket.getPeerFinished?.();
  return bytes && new Uint8Array(bytes);
}
