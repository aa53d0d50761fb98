/**
 * The crypto service: signs with keys generated at start-up that never leave the server.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { getLogger } from "@logtape/logtape";
import {
  Algorithm,
  CryptoService,
  type GetPublicKeyRequest,
  type GetPublicKeyResponseSchema,
  KeyType,
  type SignRequest,
  type SignResponseSchema,
  type VerifyRequest,
  type VerifyResponseSchema,
} from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import { type CryptoKeys, generateCryptoKeys, keyOfType, publicKeyPem } from "./crypto_keys.ts";
import { nanosecondsSince } from "./nanoseconds.ts";
import { KEY_TYPES, type SignatureSuite, type SigningKeyType, SUITES } from "./signature_suites.ts";
import { chooseCryptoBackend, openSigner } from "./crypto_backend.ts";
import type { CryptoBackend, Signer } from "./signer.ts";

/** Largest data accepted by Sign and Verify, in bytes (1 MiB); callers hash larger data themselves. */
export const MAX_SIGNED_DATA_BYTES = 1024 * 1024;

/** Longest signature that Verify accepts, in bytes. */
export const MAX_SIGNATURE_BYTES = 512;

/** Options of {@link addCrypto}. */
export interface CryptoOptions {
  /** Keys to sign with. Default: new ones, generated in the background. Workers must share one set. */
  keys?: CryptoKeys | Promise<CryptoKeys>;
  /** Signing implementation. Default `auto`: libcrypto if it can be loaded, otherwise webcrypto. */
  backend?: CryptoBackend | "auto";
}

/** Handle on a crypto service that {@link addCrypto} added. */
export interface CryptoServiceHandle extends Disposable {
  /** Back end in use. */
  readonly backend: CryptoBackend;
  /** Resolves when the keys are ready; rejects when they can't be generated. Calls wait for it. */
  readonly ready: Promise<void>;
}

const logger = getLogger(["vrpc", "services", "crypto"]);

/** Adds `vrpc.crypto.v1.CryptoService` to a router; closing the server disposes of the service. */
export function addCrypto(router: Router, options: CryptoOptions = {}): CryptoServiceHandle {
  const handlers = new CryptoHandlers(options);
  router.service(CryptoService, {
    sign: (request) => handlers.sign(request),
    verify: (request) => handlers.verify(request),
    getPublicKey: (request) => handlers.getPublicKey(request),
  });
  router.onClose(() => handlers[Symbol.dispose]());
  return handlers;
}

interface Ready {
  readonly keys: CryptoKeys;
  readonly signer: Signer;
}

/** Handlers of `vrpc.crypto.v1.CryptoService`. */
export class CryptoHandlers implements CryptoServiceHandle {
  readonly backend: CryptoBackend;
  readonly ready: Promise<void>;
  readonly #opening: Promise<Ready>;
  // Result of `#opening`, so that calls after start-up do not wait for a turn of the event loop.
  #ready: Ready | undefined;
  #disposed = false;

  /** Starts generating or importing keys. */
  constructor(options: CryptoOptions = {}) {
    this.backend = chooseCryptoBackend(options.backend);
    this.#opening = this.#open(options.keys ?? generateCryptoKeys());
    this.ready = this.#opening.then(() => {});
    // Calls report a failure to open the keys too, but no call may ever come.
    this.ready.catch((error) => logger.error("Cannot generate signing keys: {error}", { error }));
  }

  /** Signs data with the key and algorithm of the request. */
  sign(
    request: SignRequest,
  ):
    | MessageInitShape<typeof SignResponseSchema>
    | Promise<
      MessageInitShape<typeof SignResponseSchema>
    > {
    const startMs = performance.now();
    const suite = suiteOf(request.keyType, request.algorithm);
    checkData(request.data);
    const finish = (signature: Uint8Array) => ({
      signature,
      serverTimeNs: nanosecondsSince(startMs),
    });
    if (this.#ready === undefined) {
      return this.#opening
        .then(({ signer }) => signer.sign(suite, request.data))
        .then(finish, failed);
    }
    const signature = this.#ready.signer.sign(suite, request.data);
    return signature instanceof Promise ? signature.then(finish, failed) : finish(signature);
  }

  /** Verifies a signature. */
  async verify(request: VerifyRequest): Promise<MessageInitShape<typeof VerifyResponseSchema>> {
    const startMs = performance.now();
    const suite = suiteOf(request.keyType, request.algorithm);
    checkData(request.data);
    checkSignature(request.signature);
    const { signer } = this.#ready ?? await this.#opening.catch(failed);
    const valid = await signer.verify(suite, request.data, request.signature);
    return { valid, serverTimeNs: nanosecondsSince(startMs) };
  }

  /** Returns the public half of a key. */
  async getPublicKey(
    request: GetPublicKeyRequest,
  ): Promise<MessageInitShape<typeof GetPublicKeyResponseSchema>> {
    const startMs = performance.now();
    const keyType = checkedKeyType(request.keyType);
    const { keys } = this.#ready ?? await this.#opening.catch(failed);
    const der = keyOfType(keys, keyType).spki;
    return {
      der,
      pem: publicKeyPem(der),
      algorithms: suitesFor(keyType).map((suite) => suite.algorithm),
      serverTimeNs: nanosecondsSince(startMs),
    };
  }

  /** Releases the back end's copies of the keys. No call may follow. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#ready?.signer.close();
  }

  async #open(source: CryptoKeys | Promise<CryptoKeys>): Promise<Ready> {
    const startMs = performance.now();
    const keys = await source;
    const signer = await openSigner(this.backend, keys);
    if (this.#disposed) signer.close();
    this.#ready = { keys, signer };
    logger.info("Signing with {backend}; keys ready after {tookMs} ms", {
      backend: this.backend,
      tookMs: Math.round(performance.now() - startMs),
    });
    return this.#ready;
  }
}

function failed(error: unknown): never {
  throw new RpcError(
    Status.INTERNAL,
    "Cannot sign: the server's keys or its crypto back end failed",
    {
      cause: error,
    },
  );
}

function suitesFor(keyType: SigningKeyType): SignatureSuite[] {
  return SUITES.filter((suite) => suite.keyType === keyType);
}

const keyName = (keyType: KeyType) => `KEY_TYPE_${KeyType[keyType]}`;
const algorithmName = (algorithm: Algorithm) => `ALGORITHM_${Algorithm[algorithm]}`;

function invalid(message: string): RpcError {
  return new RpcError(Status.INVALID_ARGUMENT, message);
}

function checkedKeyType(keyType: KeyType): SigningKeyType {
  const known = KEY_TYPES.find((one) => one === keyType);
  if (known !== undefined) return known;
  const choices = KEY_TYPES.map(keyName).join(", ");
  throw invalid(
    keyType === KeyType.UNSPECIFIED
      ? `key_type is not set: use one of ${choices}`
      : `key_type ${keyType} is not known: use one of ${choices}`,
  );
}

function suiteOf(keyType: KeyType, algorithm: Algorithm): SignatureSuite {
  const fitting = suitesFor(checkedKeyType(keyType));
  const suite = fitting.find((one) => one.algorithm === algorithm);
  if (suite) return suite;
  const choices = fitting.map((one) => algorithmName(one.algorithm)).join(" or ");
  const what = algorithm === Algorithm.UNSPECIFIED
    ? "algorithm is not set"
    : Algorithm[algorithm] === undefined
    ? `algorithm ${algorithm} is unknown`
    : `${algorithmName(algorithm)} does not fit ${keyName(keyType)}`;
  throw invalid(`${what}: ${keyName(keyType)} signs with ${choices}`);
}

function checkData(data: Uint8Array): void {
  if (data.length > MAX_SIGNED_DATA_BYTES) {
    throw invalid(`data has ${data.length} bytes, the limit is ${MAX_SIGNED_DATA_BYTES}`);
  }
}

function checkSignature(signature: Uint8Array): void {
  if (signature.length > MAX_SIGNATURE_BYTES) {
    throw invalid(`signature has ${signature.length} bytes, the limit is ${MAX_SIGNATURE_BYTES}`);
  }
}
