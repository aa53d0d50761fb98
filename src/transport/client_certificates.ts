/**
 * Check of client certificates after a server's TLS handshake, above all for resumed sessions (RFC 8446 §2.2).
 *
 * The runtime encrypts the session tickets of all node:tls servers of a thread with the same keys, and verifies no
 * certificate when a session is resumed. Without this check, a ticket from a server with other authorities, or with
 * none, would open a connection to a server with mutual TLS.
 *
 * @module
 */

import type { PeerCertificate } from "node:tls";
import { builtinModule } from "../bytes/builtin_module.ts";
import { refuseVersion1 } from "./peer_certificate.ts";

/** Certificates remembered by a thread, over all authorities; about 200 bytes each. */
export const MAX_VERIFIED_CERTIFICATES = 16_384;

/** Part of a server's `TLSSocket` that {@link ClientCertificates} reads. */
export interface ServerTlsSocket {
  readonly authorized: boolean;
  readonly authorizationError: unknown;
  isSessionReused(): boolean;
  getPeerCertificate(): Partial<PeerCertificate> | null;
}

/** Authorities and fingerprints of certificates that full handshakes have verified; the latest is last. */
const verified = new Set<string>();

function rememberVerified(key: string): void {
  verified.delete(key);
  verified.add(key);
  if (verified.size <= MAX_VERIFIED_CERTIFICATES) return;
  for (const oldest of verified) {
    verified.delete(oldest);
    return;
  }
}

/** Checks the client certificates of a server with mutual TLS. */
export class ClientCertificates {
  readonly #authorities: string;
  readonly #required: boolean;

  /** `authorities` is PEM; `required` refuses clients without a certificate. */
  constructor(authorities: string, required: boolean) {
    this.#authorities = builtinModule("node:crypto")
      .createHash("sha256").update(authorities).digest("base64");
    this.#required = required;
  }

  /**
   * Returns the client's certificate after a handshake, undefined if it sent none. Throws an Error if the client must
   * not be accepted: its certificate is missing, does not verify or is of X.509 version 1, or the session that it resumed
   * began with another server's authorities or with a certificate that has expired since.
   */
  check(socket: ServerTlsSocket, nowMs: number): Partial<PeerCertificate> | undefined {
    const certificate = socket.getPeerCertificate();
    if (certificate?.raw === undefined) {
      if (this.#required) throw new Error("peer did not return a certificate");
      return undefined;
    }
    if (!socket.authorized) throw verifyError(socket) ?? new Error("certificate does not verify");
    refuseVersion1(certificate.raw);
    const key = `${this.#authorities} ${certificate.fingerprint256}`;
    if (!socket.isSessionReused()) {
      rememberVerified(key);
      return certificate;
    }
    if (!verified.has(key)) {
      throw new Error("the peer resumed a session that other authorities verified");
    }
    if (!(Date.parse(certificate.valid_to ?? "") > nowMs)) {
      throw Object.assign(new Error("certificate has expired"), { code: "CERT_HAS_EXPIRED" });
    }
    return certificate;
  }
}

/** Returns the verification error of the peer's certificate, if any; node:tls stores it as a code or an Error. */
export function verifyError(socket: { readonly authorizationError: unknown }): Error | undefined {
  const found = socket.authorizationError;
  if (found instanceof Error) return found;
  return found ? new Error(String(found)) : undefined;
}
