/**
 * The two interfaces of attestation: an attester makes documents, a policy verifies them. Both are open for other
 * formats than Nitro's.
 *
 * @module
 */

import type { Attestation } from "../call/attestation.ts";

/**
 * Makes documents about the machine and the program that it runs in.
 *
 * @category Attestation
 */
export interface Attester {
  /** Format of the documents; the policy of the peer must have the same. */
  readonly format: string;
  /** Channel that documents are for: `tls`, or `vsock` for connections without TLS. Default `tls`. */
  readonly channel?: "tls" | "vsock";
  /**
   * Returns a document of at most 16 KiB that signs both arguments, each of at most 64 bytes. A format with room for
   * less signs a hash of them. Rejects when there is no document to be had.
   */
  attest(nonce: Uint8Array, userData: Uint8Array): Promise<Uint8Array>;
}

/**
 * Values that a document must hold. What is not given is not checked.
 *
 * @category Attestation
 */
export interface ExpectedClaims {
  /** Nonce that was sent for this document. */
  readonly nonce?: Uint8Array;
  /** The enclave's data, such as the binding to a channel. */
  readonly userData?: Uint8Array;
  /** The enclave's public key. */
  readonly publicKey?: Uint8Array;
}

/**
 * Decides which documents are good.
 *
 * @category Attestation
 */
export interface AttestationPolicy {
  /** Format of the documents that the policy reads. */
  readonly format: string;
  /** Channel that documents must be bound to: `tls`, or `vsock` for connections without TLS. */
  readonly channel: "tls" | "vsock";
  /** Resolves to the claims of a good document; rejects for any other. Must not keep or change `document`. */
  verify(document: Uint8Array, expected?: ExpectedClaims): Promise<Attestation>;
  /** Whether claims that were verified already, perhaps by another policy, meet this one's measurements. */
  accepts(attestation: Attestation): boolean;
}
