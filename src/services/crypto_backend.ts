/**
 * Chooses and opens the back end that signs.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { runtime } from "../runtime/mod.ts";
import type { CryptoKeys } from "./crypto_keys.ts";
import { LibcryptoSigner, openLibcrypto } from "./libcrypto.ts";
import type { CryptoBackend, Signer } from "./signer.ts";
import { WebcryptoSigner } from "./webcrypto_signer.ts";

const logger = getLogger(["vrpc", "services", "crypto"]);

/**
 * Chooses the back end. `auto` (the default) is libcrypto where it can be opened, else webcrypto, with one
 * warning in the log when the FFI permission is missing. Call it once in a program and pass the result to
 * its workers. Throws TypeError when `libcrypto` is requested and can't be opened.
 */
export function chooseCryptoBackend(wanted: CryptoBackend | "auto" = "auto"): CryptoBackend {
  if (wanted === "webcrypto") return wanted;
  // Opening without the permission would prompt on a terminal.
  if (!runtime.allows("ffi")) {
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
    logger.info("Signing with webcrypto: {reason}", { reason: (error as Error).message });
    return "webcrypto";
  }
}

/** Opens a back end and imports the keys. */
export async function openSigner(backend: CryptoBackend, keys: CryptoKeys): Promise<Signer> {
  return backend === "libcrypto"
    ? new LibcryptoSigner(openLibcrypto(), keys)
    : await WebcryptoSigner.open(keys);
}
