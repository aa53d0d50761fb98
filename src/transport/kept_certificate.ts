/**
 * The whole certificate of a peer, beside the facts that {@link TlsPeerInfo} has.
 *
 * @module
 */

import type { TlsPeerInfo } from "../call/wire.ts";

const certificates = new WeakMap<TlsPeerInfo, Uint8Array>();

/** Keeps the DER of the peer's certificate as long as the facts. */
export function keepCertificate(info: TlsPeerInfo, der: Uint8Array): void {
  certificates.set(info, der);
}

/** Gives a copy of the facts the same certificate. Returns the copy. */
export function withCertificateOf(info: TlsPeerInfo, copy: TlsPeerInfo): TlsPeerInfo {
  const der = certificates.get(info);
  if (der !== undefined) certificates.set(copy, der);
  return copy;
}

/** Returns the DER of a peer's certificate; undefined if it sent none, or none that is verified. */
export function certificateOf(info: TlsPeerInfo): Uint8Array | undefined {
  return certificates.get(info);
}
