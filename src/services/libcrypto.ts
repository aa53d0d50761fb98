/**
 * The fast signing back end: OpenSSL 3's libcrypto through FFI.
 *
 * @module
 */

import { platform } from "node:os";
import { KeyType } from "../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { type Pointer, runtime } from "../runtime/mod.ts";
import { type CryptoKeys, keyOfType } from "./crypto_keys.ts";
import { type SignatureSuite, type SigningAlgorithm, SUITES } from "./signature_suites.ts";
import type { Signer } from "./signer.ts";
import { TurnBudget } from "../event_loop/turn_budget.ts";

/** File names to try for OpenSSL 3, by operating system. */
const LIBRARY_NAMES: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: [
    "libcrypto.3.dylib",
    "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
    "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
  ],
  win32: ["libcrypto-3-x64.dll", "libcrypto-3-arm64.dll"],
};
const DEFAULT_LIBRARY_NAMES = ["libcrypto.so.3"];

const SYMBOLS = {
  d2i_AutoPrivateKey: { parameters: ["pointer", "buffer", "i64"], result: "pointer" },
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  EVP_PKEY_CTX_new: { parameters: ["pointer", "pointer"], result: "pointer" },
  EVP_PKEY_CTX_free: { parameters: ["pointer"], result: "void" },
  EVP_PKEY_sign_init: { parameters: ["pointer"], result: "i32" },
  EVP_PKEY_verify_init: { parameters: ["pointer"], result: "i32" },
  EVP_PKEY_CTX_set_signature_md: { parameters: ["pointer", "pointer"], result: "i32" },
  EVP_PKEY_CTX_set_rsa_padding: { parameters: ["pointer", "i32"], result: "i32" },
  EVP_PKEY_CTX_set_rsa_pss_saltlen: { parameters: ["pointer", "i32"], result: "i32" },
  EVP_PKEY_sign: {
    parameters: ["pointer", "buffer", "buffer", "buffer", "usize"],
    result: "i32",
  },
  EVP_PKEY_verify: {
    parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
    result: "i32",
  },
  EVP_sha256: { parameters: [], result: "pointer" },
  EVP_sha384: { parameters: [], result: "pointer" },
  EVP_Digest: {
    parameters: ["buffer", "usize", "buffer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  ERR_clear_error: { parameters: [], result: "void" },
} as const;

type Bytes = Uint8Array<ArrayBuffer>;

/** Functions of libcrypto in use. */
export interface Libcrypto {
  d2i_AutoPrivateKey(into: Pointer, der: BigUint64Array<ArrayBuffer>, length: bigint): Pointer;
  EVP_PKEY_free(key: Pointer): void;
  EVP_PKEY_CTX_new(key: Pointer, engine: Pointer): Pointer;
  EVP_PKEY_CTX_free(context: Pointer): void;
  EVP_PKEY_sign_init(context: Pointer): number;
  EVP_PKEY_verify_init(context: Pointer): number;
  EVP_PKEY_CTX_set_signature_md(context: Pointer, md: Pointer): number;
  EVP_PKEY_CTX_set_rsa_padding(context: Pointer, padding: number): number;
  EVP_PKEY_CTX_set_rsa_pss_saltlen(context: Pointer, bytes: number): number;
  EVP_PKEY_sign(
    context: Pointer,
    signature: Bytes,
    length: BigUint64Array<ArrayBuffer>,
    hash: Bytes,
    hashBytes: bigint,
  ): number;
  EVP_PKEY_verify(
    context: Pointer,
    signature: Bytes,
    signatureBytes: bigint,
    hash: Bytes,
    hashBytes: bigint,
  ): number;
  EVP_sha256(): Pointer;
  EVP_sha384(): Pointer;
  EVP_Digest(
    data: Bytes,
    bytes: bigint,
    hash: Bytes,
    hashBytes: Pointer,
    md: Pointer,
    engine: Pointer,
  ): number;
  ERR_clear_error(): void;
}

const RSA_PKCS1_PADDING = 1;
const RSA_PKCS1_PSS_PADDING = 6;

/** Limit on the bytes hashed on the event loop: 64 KiB take 40 µs with SHA instructions, 150 µs without. */
const MAX_HASHED_IN_TURN_BYTES = 64 * 1024;

/** Size of the buffer for signatures, in bytes; the longest, of RSA-2048, has 256. */
const MAX_SIGNATURE_BYTES = 512;

let opened: Libcrypto | undefined;

/** Opens libcrypto once per thread. Throws TypeError when it is not found or FFI is not permitted. */
export function openLibcrypto(): Libcrypto {
  if (opened) return opened;
  const { ffi } = runtime;
  if (ffi === undefined) throw new TypeError("Cannot open libcrypto: this runtime has no FFI");
  const reasons: string[] = [];
  for (const name of LIBRARY_NAMES[platform()] ?? DEFAULT_LIBRARY_NAMES) {
    try {
      // The library is never closed: it stays open for the life of the thread.
      return opened = ffi.open<Libcrypto>(name, SYMBOLS);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new TypeError(`Cannot open OpenSSL 3's libcrypto: ${reasons.join("; ")}`);
}

/** Contexts of a suite, with its parameters set, so that a call costs only the signature. */
interface Contexts {
  readonly sign: Pointer;
  readonly verify: Pointer;
  readonly md: Pointer;
  readonly hash: Uint8Array<ArrayBuffer>;
}

/**
 * Signs with libcrypto on the calling thread, within a {@link TurnBudget}. Contexts are reused, which is
 * safe because each thread has its own and calls don't overlap.
 */
export class LibcryptoSigner implements Signer {
  readonly backend = "libcrypto";
  readonly #lib: Libcrypto;
  readonly #contexts = new Map<SigningAlgorithm, Contexts>();
  readonly #pkeys = new Map<KeyType, Pointer>();
  readonly #signature = new Uint8Array(MAX_SIGNATURE_BYTES);
  readonly #length = new BigUint64Array(1);
  readonly #budget: TurnBudget;

  /** Imports the keys and prepares a context for each suite. */
  constructor(lib: Libcrypto, keys: CryptoKeys, budget: TurnBudget = new TurnBudget()) {
    this.#lib = lib;
    this.#budget = budget;
    for (const suite of SUITES) this.#contexts.set(suite.algorithm, this.#prepare(suite, keys));
  }

  sign(suite: SignatureSuite, data: Uint8Array): Uint8Array | Promise<Uint8Array> {
    if (data.length <= MAX_HASHED_IN_TURN_BYTES) {
      return this.#budget.run(
        suite.algorithm,
        () => this.#signHash(suite, this.#hash(suite, data)),
      );
    }
    return hashOffLoop(suite, data).then((hash) =>
      this.#budget.run(suite.algorithm, () => this.#signHash(suite, hash))
    );
  }

  verify(
    suite: SignatureSuite,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean | Promise<boolean> {
    // Kinds of operation whose cost the budget measures: 1 to 4 sign, 5 to 8 verify.
    const kind = suite.algorithm + 4;
    if (data.length <= MAX_HASHED_IN_TURN_BYTES) {
      return this.#budget.run(
        kind,
        () => this.#verifyHash(suite, this.#hash(suite, data), signature),
      );
    }
    return hashOffLoop(suite, data).then((hash) =>
      this.#budget.run(kind, () => this.#verifyHash(suite, hash, signature))
    );
  }

  close(): void {
    for (const { sign, verify } of this.#contexts.values()) {
      this.#lib.EVP_PKEY_CTX_free(sign);
      this.#lib.EVP_PKEY_CTX_free(verify);
    }
    for (const pkey of this.#pkeys.values()) this.#lib.EVP_PKEY_free(pkey);
    this.#contexts.clear();
    this.#pkeys.clear();
  }

  #hash(suite: SignatureSuite, data: Uint8Array): Uint8Array<ArrayBuffer> {
    const { hash, md } = this.#contexts.get(suite.algorithm)!;
    const ok = this.#lib.EVP_Digest(
      data as Uint8Array<ArrayBuffer>,
      BigInt(data.length),
      hash,
      null,
      md,
      null,
    );
    this.#expect(ok, "EVP_Digest");
    return hash;
  }

  #signHash(suite: SignatureSuite, hash: Uint8Array<ArrayBuffer>): Uint8Array {
    const { sign } = this.#contexts.get(suite.algorithm)!;
    this.#length[0] = BigInt(MAX_SIGNATURE_BYTES);
    const ok = this.#lib.EVP_PKEY_sign(
      sign,
      this.#signature,
      this.#length,
      hash,
      BigInt(hash.length),
    );
    this.#expect(ok, "EVP_PKEY_sign");
    return this.#signature.slice(0, Number(this.#length[0]));
  }

  #verifyHash(
    suite: SignatureSuite,
    hash: Uint8Array<ArrayBuffer>,
    signature: Uint8Array,
  ): boolean {
    const { verify } = this.#contexts.get(suite.algorithm)!;
    const outcome = this.#lib.EVP_PKEY_verify(
      verify,
      signature as Uint8Array<ArrayBuffer>,
      BigInt(signature.length),
      hash,
      BigInt(hash.length),
    );
    // A wrong signature leaves entries in the thread's error queue.
    if (outcome !== 1) this.#lib.ERR_clear_error();
    return outcome === 1;
  }

  #prepare(suite: SignatureSuite, keys: CryptoKeys): Contexts {
    const pkey = this.#pkey(suite, keys);
    const md = suite.hash === "SHA-256" ? this.#lib.EVP_sha256() : this.#lib.EVP_sha384();
    const sign = this.#lib.EVP_PKEY_CTX_new(pkey, null);
    const verify = this.#lib.EVP_PKEY_CTX_new(pkey, null);
    this.#expect(this.#lib.EVP_PKEY_sign_init(sign), "EVP_PKEY_sign_init");
    this.#expect(this.#lib.EVP_PKEY_verify_init(verify), "EVP_PKEY_verify_init");
    for (const context of [sign, verify]) this.#configure(context, suite, md);
    return { sign, verify, md, hash: new Uint8Array(suite.hash === "SHA-256" ? 32 : 48) };
  }

  #configure(context: Pointer, suite: SignatureSuite, md: Pointer): void {
    const lib = this.#lib;
    if (suite.scheme !== "ECDSA") {
      const padding = suite.scheme === "RSA-PSS" ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
      this.#expect(lib.EVP_PKEY_CTX_set_rsa_padding(context, padding), "set_rsa_padding");
    }
    this.#expect(lib.EVP_PKEY_CTX_set_signature_md(context, md), "set_signature_md");
    if (suite.saltBytes !== undefined) {
      const ok = lib.EVP_PKEY_CTX_set_rsa_pss_saltlen(context, suite.saltBytes);
      this.#expect(ok, "set_rsa_pss_saltlen");
    }
  }

  #pkey(suite: SignatureSuite, keys: CryptoKeys): Pointer {
    const known = this.#pkeys.get(suite.keyType);
    if (known) return known;
    const { pkcs8 } = keyOfType(keys, suite.keyType);
    // const unsigned char **pp: libcrypto advances the inner pointer, so it gets a copy.
    const inner = new BigUint64Array([runtime.ffi!.addressOf(pkcs8)]);
    const pkey = this.#lib.d2i_AutoPrivateKey(null, inner, BigInt(pkcs8.length));
    if (pkey === null) {
      throw new TypeError(`Cannot import the ${KeyType[suite.keyType]} key: it is not PKCS #8`);
    }
    this.#pkeys.set(suite.keyType, pkey);
    return pkey;
  }

  #expect(outcome: number, what: string): void {
    if (outcome === 1) return;
    this.#lib.ERR_clear_error();
    throw new Error(`libcrypto failed in ${what}`);
  }
}

async function hashOffLoop(
  suite: SignatureSuite,
  data: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const hash = await crypto.subtle.digest(suite.hash, data as Uint8Array<ArrayBuffer>);
  return new Uint8Array(hash);
}
