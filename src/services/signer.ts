/**
 * What signs: one interface, two back ends.
 *
 * @module
 */

import type { SignatureSuite } from "./signature_suites.ts";

/**
 * Who computes signatures: `libcrypto` is OpenSSL 3 by FFI, several times faster, and needs
 * `--allow-ffi`; `webcrypto` is what every runtime has.
 */
export type CryptoBackend = "libcrypto" | "webcrypto";

/** Signs with the keys it was made with. Results are promises only where there is something to wait for. */
export interface Signer {
  /** Which back end this is. */
  readonly backend: CryptoBackend;
  /** The signature over `data`; ECDSA signatures are DER. */
  sign(suite: SignatureSuite, data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Whether `signature` is right; false as well when it can't be parsed. */
  verify(
    suite: SignatureSuite,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean | Promise<boolean>;
  /** Frees what the garbage collector doesn't. No call may follow. */
  close(): void;
}
