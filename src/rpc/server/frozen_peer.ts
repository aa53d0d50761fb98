/**
 * Facts about the peer of a connection that no handler can change for the other calls.
 *
 * @module
 */

import type { Attestation } from "../../call/attestation.ts";
import type { PeerInfo, TlsPeerInfo } from "../../call/wire.ts";
import { withCertificateOf } from "../../transport/kept_certificate.ts";

/** Returns a frozen copy of what a byte stream says of its peer. */
export function frozenPeer({ tls, attestation, ...peer }: PeerInfo): PeerInfo {
  return Object.freeze({
    ...peer,
    ...(tls && { tls: frozenTls(tls) }),
    ...(attestation && { attestation: frozenAttestation(attestation) }),
  });
}

function frozenTls(tls: TlsPeerInfo): TlsPeerInfo {
  const { subjectAltNames } = tls;
  const names = subjectAltNames && { subjectAltNames: Object.freeze([...subjectAltNames]) };
  return withCertificateOf(tls, Object.freeze({ ...tls, ...names }));
}

function frozenAttestation(attestation: Attestation): Attestation {
  return Object.freeze({ ...attestation, pcrs: Object.freeze({ ...attestation.pcrs }) });
}
