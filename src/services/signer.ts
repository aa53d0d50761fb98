/**
 * What signs: one interface, two back ends.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { CryptoKeys } from "./crypto_keys.ts";
import { LibcryptoSigner, openLibcrypto } from "./libcrypto.ts";
import type { SignatureSuite } from "./signature_suites.ts";
import { WebcryptoSigner } from "./webcrypto_signer.ts";

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

const logger = getLogger(["vrpc", "services", "crypto"]);

/**
 * Finds out which back end can be used. `auto` (the default) takes libcrypto where it may be and can be
 * opened, and logs one warning when the permission is missing. Call it once in a program and tell the
 * workers the result. Throws TypeError when `libcrypto` is asked for and can't be had.
 */
export function chooseCryptoBackend(wanted: CryptoBackend | "auto" = "auto"): CryptoBackend {
  if (wanted === "webcrypto") return wanted;
  // Opening without asking first would stop a terminal program with a question.
  const allowed = Deno.permissions.querySync({ name: "ffi" }).state === "granted";
  if (!allowed) {
    if (wanted === "libcrypto") {
      throw new TypeError("Cannot use libcrypto: FFI is not permitted, run with --allow-ffi");
    }
    logger.warn("Signing with webcrypto; run with --allow-ffi to sign faster with libcrypto");
    return "webcrypto";
  }
  try {
    openLibcrypto();
    return "libcrypto";
  } catch (error) {
    if (wanted === "libcrypto") throw error;
    logger.info(`Signing with webcrypto: ${(error as Error).message}`);
    return "webcrypto";
  }
}

/** Opens a back end with keys. */
export async function openSigner(backend: CryptoBackend, keys: CryptoKeys): Promise<Signer> {
  return backend === "libcrypto"
    ? new LibcryptoSigner(openLibcrypto(), keys)
    : await WebcryptoSigner.open(keys);
}
