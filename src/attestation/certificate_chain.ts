/**
 * Chains of certificates, walked from a known root (RFC 5280 §6.1).
 *
 * @module
 */

import { AttestationError } from "./attestation_error.ts";
import { type Certificate, KeyUsage } from "./certificate.ts";
import { bytesEqual } from "./hex.ts";

/** Throws an AttestationError unless the first certificate is one of `roots`. */
export function checkRoot(
  chain: readonly Certificate[],
  roots: readonly Uint8Array[],
): void {
  if (roots.some((root) => bytesEqual(root, chain[0].der))) return;
  throw new AttestationError("root", "The chain does not begin with the root that is trusted");
}

/**
 * Throws an AttestationError unless each certificate is valid at `atMs`, or begins to be at most `aheadMs` later, and its
 * predecessor is an authority that may issue it. Signatures are not checked here.
 */
export function checkChain(chain: readonly Certificate[], atMs: number, aheadMs: number): void {
  const last = chain.length - 1;
  chain.forEach((certificate, i) => {
    const name = i === last ? "The certificate that signed" : `Certificate ${i} of ${chain.length}`;
    checkTimes(certificate, atMs, aheadMs, name);
    if (i > 0 && !bytesEqual(certificate.issuer, chain[i - 1].subject)) {
      throw broken(`${name} was not issued by the one before it`);
    }
    if (i < last) checkAuthority(certificate, last - 1 - i, name);
  });
  const { isAuthority, keyUsage } = chain[last];
  if (isAuthority) throw broken("The certificate that signed belongs to an authority");
  if (keyUsage === undefined || (keyUsage & KeyUsage.digitalSignature) === 0) {
    throw broken(
      "The certificate that signed must not sign: its key usage has no digitalSignature",
    );
  }
}

function checkTimes(
  { notBeforeMs, notAfterMs }: Certificate,
  atMs: number,
  aheadMs: number,
  name: string,
): void {
  const at = new Date(atMs).toISOString();
  if (atMs + aheadMs < notBeforeMs) {
    const start = new Date(notBeforeMs).toISOString();
    throw new AttestationError("not_yet_valid", `${name} is valid from ${start}, it is ${at}`);
  }
  if (atMs > notAfterMs) {
    const end = new Date(notAfterMs).toISOString();
    throw new AttestationError("expired", `${name} was valid until ${end}, it is ${at}`);
  }
}

/** `below`: number of authorities that follow in the chain. */
function checkAuthority(certificate: Certificate, below: number, name: string): void {
  const { isAuthority, keyUsage, pathLength } = certificate;
  if (!isAuthority) throw broken(`${name} does not belong to an authority`);
  if (keyUsage === undefined || (keyUsage & KeyUsage.keyCertSign) === 0) {
    throw broken(`${name} must not issue certificates: its key usage has no keyCertSign`);
  }
  if (pathLength !== undefined && below > pathLength) {
    throw broken(`${name} allows ${pathLength} authorities below it, ${below} follow`);
  }
}

function broken(message: string): AttestationError {
  return new AttestationError("chain", message);
}
