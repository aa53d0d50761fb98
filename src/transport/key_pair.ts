/**
 * Check that a private key matches a certificate.
 *
 * @module
 */

import type { KeyObject, X509Certificate } from "node:crypto";
import { builtinModule } from "../bytes/builtin_module.ts";
import { reasonOf } from "./failure.ts";
import { pemBlocks } from "./tls_options.ts";

/** Throws a TypeError unless the key matches the certificate; node:tls would fail each handshake instead. */
export function checkKeyPair(cert: string, key: string): void {
  const { createPrivateKey, X509Certificate } = builtinModule("node:crypto");
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pemBlocks(cert, "CERTIFICATE"));
  } catch (error) {
    throw new TypeError(`tls.cert is not a valid certificate: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key)) {
    throw new TypeError("tls.key is encrypted; remove its password (openssl pkey)");
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pemBlocks(key, "PRIVATE KEY"));
  } catch (error) {
    throw new TypeError(`tls.key is not a valid private key: ${reasonOf(error)}`, { cause: error });
  }
  if (!isPair(certificate, privateKey)) {
    throw new TypeError("tls.key does not match tls.cert");
  }
}

/** Whether the key matches the certificate; true where the runtime cannot tell. */
function isPair(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    // Deno 2.6 does not implement it.
  }
  try {
    const format = { type: "spki", format: "der" } as const;
    return certificate.publicKey.export(format).equals(
      builtinModule("node:crypto").createPublicKey(key).export(format),
    );
  } catch {
    // Nor does it know the public keys of all certificates, Ed25519 among them.
    return true;
  }
}
