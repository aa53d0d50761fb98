/**
 * The signing back end built into every runtime. It computes off the event loop.
 *
 * @module
 */

import { type CryptoKeys, keyOfType } from "./crypto_keys.ts";
import { derToP1363, p1363ToDer } from "../bytes/ecdsa_der.ts";
import {
  fieldBytes,
  importParameters,
  type SignatureSuite,
  type SigningAlgorithm,
  SUITES,
} from "./signature_suites.ts";
import type { Signer } from "./signer.ts";

interface ImportedPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly parameters: AlgorithmIdentifier | RsaPssParams | EcdsaParams;
}

/** Signs with WebCrypto and converts its P1363 ECDSA signatures to DER. */
export class WebcryptoSigner implements Signer {
  readonly backend = "webcrypto";
  readonly #pairs: ReadonlyMap<SigningAlgorithm, ImportedPair>;

  private constructor(pairs: ReadonlyMap<SigningAlgorithm, ImportedPair>) {
    this.#pairs = pairs;
  }

  /** Imports the keys, once for each suite. */
  static async open(keys: CryptoKeys): Promise<WebcryptoSigner> {
    const entries = await Promise.all(SUITES.map(async (suite) => {
      const { pkcs8, spki } = keyOfType(keys, suite.keyType);
      const parameters = importParameters(suite);
      const pair: ImportedPair = {
        privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, parameters, false, ["sign"]),
        publicKey: await crypto.subtle.importKey("spki", spki, parameters, false, ["verify"]),
        parameters: { name: suite.scheme, hash: suite.hash, saltLength: suite.saltBytes },
      };
      return [suite.algorithm, pair] as const;
    }));
    return new WebcryptoSigner(new Map(entries));
  }

  async sign(suite: SignatureSuite, data: Uint8Array): Promise<Uint8Array> {
    const { parameters, privateKey } = this.#pairs.get(suite.algorithm)!;
    const signature = new Uint8Array(
      await crypto.subtle.sign(parameters, privateKey, data as Uint8Array<ArrayBuffer>),
    );
    return suite.scheme === "ECDSA" ? p1363ToDer(signature) : signature;
  }

  async verify(
    suite: SignatureSuite,
    data: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    const { parameters, publicKey } = this.#pairs.get(suite.algorithm)!;
    const native = suite.scheme === "ECDSA" ? derToP1363(signature, fieldBytes(suite)) : signature;
    if (native === undefined) return false;
    return await crypto.subtle.verify(
      parameters,
      publicKey,
      native as Uint8Array<ArrayBuffer>,
      data as Uint8Array<ArrayBuffer>,
    );
  }

  close(): void {}
}
