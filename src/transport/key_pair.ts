/**
 * Whether a certificate and a private key belong together.
 *
 * @module
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { reasonOf } from "./failure.ts";
import { pemBlocks } from "./tls_options.ts";

/** Throws a TypeError unless the key is the certificate's: node:tls would only fail every handshake. */
export function checkKeyPair(cert: string, key: string): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pemBlocks(cert, "CERTIFICATE"));
  } catch (error) {
    throw new TypeError(`tls.cert is no certificate: ${reasonOf(error)}`, { cause: error });
  }
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key)) {
    throw new TypeError("tls.key needs a password; give the key without one (openssl pkey)");
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pemBlocks(key, "PRIVATE KEY"));
  } catch (error) {
    throw new TypeError(`tls.key is no private key: ${reasonOf(error)}`, { cause: error });
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TypeError("tls.key does not belong to tls.cert");
  }
}
