/**
 * Chooses and opens the back end that signs.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { CryptoKeys } from "./crypto_keys.ts";
import { LibcryptoSigner, openLibcrypto } from "./libcrypto.ts";
import type { CryptoBackend, Signer } from "./signer.ts";
import { WebcryptoSigner } from "./webcrypto_signer.ts";

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
