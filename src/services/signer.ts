/**
 * The interface of the signing back ends.
 *
 * @module
 */

import type { SignatureSuite } from "./signature_suites.ts";

/**
 * Implementation that signs: `libcrypto` is OpenSSL 3 through FFI, several times faster, and needs
 * `--allow-ffi`; `webcrypto` is built into every runtime.
 */
export type CryptoBackend = "libcrypto" | "webcrypto";

/** Signs with the keys given at construction. Results are promises only where an operation is asynchronous. */
export interface Signer {
  /** Back end of this signer. */
  readonly backend: CryptoBackend;
  /** Signs `data`; ECDSA signatures are DER. */
  sign(suite: SignatureSuite, data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Returns whether `signature` is valid; false too when it can't be parsed. */
  verify(
    suite: SignatureSuite,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean | Promise<boolean>;
  /** Releases memory outside the JavaScript heap. No call may follow. */
  close(): void;
}
