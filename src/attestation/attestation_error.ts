/**
 * The error of a document that is not good, or of a peer that has none.
 *
 * @module
 */

/**
 * Why an attestation failed:
 *
 * - `malformed`: no document of the format, or one over 16 KiB
 * - `root`, `chain`, `expired`, `not_yet_valid`, `signature`: the certificates or the signature
 * - `timestamp`: the document is from the future
 * - `debug`, `pcrs`: the enclave runs in debug mode, or is not one of the expected images
 * - `nonce`, `user_data`, `public_key`: the document is of another exchange or channel
 * - `busy`: too many documents wait for their verification
 * - `unavailable`: there is no document to be had
 *
 * @category Attestation
 */
export type AttestationFailure =
  | "malformed"
  | "root"
  | "chain"
  | "expired"
  | "not_yet_valid"
  | "signature"
  | "timestamp"
  | "debug"
  | "pcrs"
  | "nonce"
  | "user_data"
  | "public_key"
  | "busy"
  | "unavailable";

/**
 * Failure of an attestation.
 *
 * @category Attestation
 */
export class AttestationError extends Error {
  /** `AttestationError`: identifies the class without `instanceof`. */
  override readonly name = "AttestationError";
  /** What failed, for programs; the message is for people. */
  readonly reason: AttestationFailure;

  /** Makes an error; `cause` is what it was made from. */
  constructor(reason: AttestationFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** Makes the error of bytes that are no document. */
export function malformed(message: string): AttestationError {
  return new AttestationError("malformed", message);
}
