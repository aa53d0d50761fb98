/**
 * Private keys of the crypto service, in a form that can be posted to workers.
 *
 * @module
 */

import { base64Text } from "../bytes/base64_text.ts";
import { KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { generationParameters, KEY_TYPES, type SigningKeyType } from "./signature_suites.ts";

/** Encoded key pair. */
export interface EncodedKeyPair {
  /** Type of the key pair. */
  readonly keyType: SigningKeyType;
  /** The private key: PKCS #8 as DER. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
  /** The public key: SubjectPublicKeyInfo as DER. */
  readonly spki: Uint8Array<ArrayBuffer>;
}

/** One key pair of each type. Secret; can be cloned to workers, so that all sign with the same keys. */
export type CryptoKeys = readonly EncodedKeyPair[];

/**
 * Generates one key pair of each type, off the event loop (RSA-2048 takes 90 to 450 ms). Call it once in
 * a program and post the result to its workers.
 */
export function generateCryptoKeys(): Promise<CryptoKeys> {
  return Promise.all(KEY_TYPES.map(async (keyType) => {
    const pair = await crypto.subtle.generateKey(generationParameters(keyType), true, [
      "sign",
      "verify",
    ]) as CryptoKeyPair;
    const [pkcs8, spki] = await Promise.all([
      crypto.subtle.exportKey("pkcs8", pair.privateKey),
      crypto.subtle.exportKey("spki", pair.publicKey),
    ]);
    return { keyType, pkcs8: new Uint8Array(pkcs8), spki: new Uint8Array(spki) };
  }));
}

/** Returns the pair of one type. Throws RangeError when there is none. */
export function keyOfType(keys: CryptoKeys, keyType: SigningKeyType): EncodedKeyPair {
  const pair = keys.find((one) => one.keyType === keyType);
  if (!pair) {
    throw new RangeError(`Cannot sign with ${KeyType[keyType]}: the keys do not include one`);
  }
  return pair;
}

/** Encodes a SubjectPublicKeyInfo as PEM (RFC 7468 §13), with a newline at the end. */
export function publicKeyPem(spki: Uint8Array): string {
  const lines = base64Text(spki).match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}
