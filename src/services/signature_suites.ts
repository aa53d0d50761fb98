/**
 * Which keys there are, how each of them can sign, and the names that WebCrypto has for it all.
 *
 * @module
 */

import { Algorithm, KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";

/** A key of the service, without the "unspecified" one. */
export type SigningKeyType = Exclude<KeyType, KeyType.UNSPECIFIED>;

/** A way to sign, without the "unspecified" one. */
export type SigningAlgorithm = Exclude<Algorithm, Algorithm.UNSPECIFIED>;

/** One way to sign: the key it needs, and its parameters. */
export interface SignatureSuite {
  /** The algorithm's number in the proto. */
  readonly algorithm: SigningAlgorithm;
  /** The key it needs. */
  readonly keyType: SigningKeyType;
  /** The hash's name, for WebCrypto. */
  readonly hash: "SHA-256" | "SHA-384";
  /** The scheme's name, for WebCrypto. */
  readonly scheme: "RSASSA-PKCS1-v1_5" | "RSA-PSS" | "ECDSA";
  /** The salt of RSA-PSS, in bytes. */
  readonly saltBytes?: number;
}

/** Every way to sign. */
export const SUITES: readonly SignatureSuite[] = [
  {
    algorithm: Algorithm.RSA_PKCS1_SHA256,
    keyType: KeyType.RSA_2048,
    hash: "SHA-256",
    scheme: "RSASSA-PKCS1-v1_5",
  },
  {
    algorithm: Algorithm.RSA_PSS_SHA256,
    keyType: KeyType.RSA_2048,
    hash: "SHA-256",
    scheme: "RSA-PSS",
    saltBytes: 32,
  },
  {
    algorithm: Algorithm.ECDSA_SHA256,
    keyType: KeyType.ECDSA_P256,
    hash: "SHA-256",
    scheme: "ECDSA",
  },
  {
    algorithm: Algorithm.ECDSA_SHA384,
    keyType: KeyType.ECDSA_P384,
    hash: "SHA-384",
    scheme: "ECDSA",
  },
];

/** Every key. */
export const KEY_TYPES: readonly SigningKeyType[] = [
  KeyType.RSA_2048,
  KeyType.ECDSA_P256,
  KeyType.ECDSA_P384,
];

/** What WebCrypto must be told to make a key. */
export function generationParameters(
  keyType: SigningKeyType,
): RsaHashedKeyGenParams | EcKeyGenParams {
  switch (keyType) {
    case KeyType.RSA_2048:
      return {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
      };
    case KeyType.ECDSA_P256:
      return { name: "ECDSA", namedCurve: "P-256" };
    case KeyType.ECDSA_P384:
      return { name: "ECDSA", namedCurve: "P-384" };
  }
}

/** What WebCrypto must be told to import a key for a suite. */
export function importParameters(
  suite: SignatureSuite,
): RsaHashedImportParams | EcKeyImportParams {
  return suite.scheme === "ECDSA"
    ? { name: "ECDSA", namedCurve: suite.keyType === KeyType.ECDSA_P256 ? "P-256" : "P-384" }
    : { name: suite.scheme, hash: suite.hash };
}

/** How many bytes each of the two numbers of an ECDSA signature has. */
export function fieldBytes(suite: SignatureSuite): number {
  return suite.keyType === KeyType.ECDSA_P256 ? 32 : 48;
}
