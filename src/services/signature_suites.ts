/**
 * Keys, the signature algorithms of each, and their WebCrypto parameters.
 *
 * @module
 */

import { Algorithm, KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";

/** Key type, without "unspecified". */
export type SigningKeyType = Exclude<KeyType, KeyType.UNSPECIFIED>;

/** Signature algorithm, without "unspecified". */
export type SigningAlgorithm = Exclude<Algorithm, Algorithm.UNSPECIFIED>;

/** Signature algorithm with its key and parameters. */
export interface SignatureSuite {
  /** Number of the algorithm in the proto. */
  readonly algorithm: SigningAlgorithm;
  /** Key that it signs with. */
  readonly keyType: SigningKeyType;
  /** WebCrypto's name of the hash. */
  readonly hash: "SHA-256" | "SHA-384";
  /** WebCrypto's name of the scheme. */
  readonly scheme: "RSASSA-PKCS1-v1_5" | "RSA-PSS" | "ECDSA";
  /** Salt length of RSA-PSS, in bytes. */
  readonly saltBytes?: number;
}

/** All signature algorithms. */
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

/** All key types. */
export const KEY_TYPES: readonly SigningKeyType[] = [
  KeyType.RSA_2048,
  KeyType.ECDSA_P256,
  KeyType.ECDSA_P384,
];

/** Returns the WebCrypto parameters that generate a key. */
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

/** Returns the WebCrypto parameters that import a key for a suite. */
export function importParameters(
  suite: SignatureSuite,
): RsaHashedImportParams | EcKeyImportParams {
  return suite.scheme === "ECDSA"
    ? { name: "ECDSA", namedCurve: suite.keyType === KeyType.ECDSA_P256 ? "P-256" : "P-384" }
    : { name: suite.scheme, hash: suite.hash };
}

/** Returns the bytes of each of the two numbers of an ECDSA signature. */
export function fieldBytes(suite: SignatureSuite): number {
  return suite.keyType === KeyType.ECDSA_P256 ? 32 : 48;
}
