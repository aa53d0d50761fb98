/**
 * Signature checks by WebCrypto: ECDSA on P-384 with SHA-384, as DER-free `r` and `s`. A high `s` is as good as a low
 * one: documents from the field have both.
 *
 * @module
 */

import { builtinModule } from "../bytes/builtin_module.ts";
import type { Certificate } from "./certificate.ts";
import { VerificationQueue } from "./verification_queue.ts";

const KEY = { name: "ECDSA", namedCurve: "P-384" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-384" } as const;

/** Certificates whose signature is remembered: those of about 80 enclaves. */
const MAX_KNOWN = 256;

/** One queue for all policies: they share the thread. */
export const verifications = new VerificationQueue();

/** Whether the owner of `signer` made `signature`. */
export function isSigned(
  signedBytes: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  signer: Certificate,
): Promise<boolean> {
  return verifications.check(async () => {
    try {
      const key = await crypto.subtle.importKey("spki", signer.spki, KEY, false, ["verify"]);
      return await crypto.subtle.verify(SIGNATURE, key, signature, signedBytes);
    } catch {
      // The key is not a point of the curve.
      return false;
    }
  });
}

/** Certificates whose signature was found good. Their times and rules are checked each time nevertheless. */
export class KnownCertificates {
  /** Hashes of a certificate and its issuer's key, the least recently used first. */
  readonly #good = new Set<string>();

  /** Whether the owner of `issuer` signed `certificate`. */
  async isIssued(certificate: Certificate, issuer: Certificate): Promise<boolean> {
    const hash = builtinModule("node:crypto").createHash("sha256");
    const id = hash.update(issuer.spki).update(certificate.der).digest("hex");
    const known = this.#good.delete(id);
    if (!known && !await isSigned(certificate.signedBytes, certificate.signature, issuer)) {
      return false;
    }
    if (this.#good.size >= MAX_KNOWN) this.#good.delete(this.#good.values().next().value!);
    this.#good.add(id);
    return true;
  }
}
