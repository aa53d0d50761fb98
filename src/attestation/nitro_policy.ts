/**
 * Verification of Nitro attestation documents.
 *
 * @module
 */

import { isBytes } from "../bytes/is_bytes.ts";
import type { Attestation } from "../call/attestation.ts";
import { checkFunctions, checkNames, checkOneOf, checkRanges, whole } from "../limits/ranges.ts";
import { AttestationError } from "./attestation_error.ts";
import { AWS_NITRO_ROOT_G1 } from "./aws_root.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { checkChain, checkRoot } from "./certificate_chain.ts";
import { bytesEqual } from "./hex.ts";
import { derOfPem } from "./pem.ts";
import { type NitroParts, readNitroParts } from "./nitro_document.ts";
import { checkPcrs, type PcrSet, readPcrSets, refuseDebug } from "./pcr_sets.ts";
import type { AttestationPolicy, ExpectedClaims } from "./types.ts";
import { isSigned, KnownCertificates, verifications } from "./signatures.ts";

/**
 * Options of {@link nitroPolicy}.
 *
 * @category Attestation
 */
export interface NitroPolicyOptions {
  /** Measurements of the image, at least one; several sets while a new image is rolled out, of which one must fit. */
  pcrs: PcrSet | readonly PcrSet[];
  /**
   * Root of the chain, or several: PEM text or DER. Default {@link AWS_NITRO_ROOT_G1}.
   */
  root?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Whether enclaves in debug mode, whose PCR0, PCR1 or PCR2 is zero, are accepted. Default false. */
  debug?: boolean;
  /**
   * How far a document may be ahead of the clock, in ms, 0 to 86,400,000; with an expected nonce, also how far its
   * certificates may be. Default 300,000.
   */
  clockSkewMs?: number;
  /**
   * Channel that documents are bound to. `vsock` is for connections without TLS: it proves that the enclave is fresh,
   * but not that it is at the other end, because processes of the parent can relay. Default `tls`.
   */
  channel?: "tls" | "vsock";
  /** Clock, in ms since 1970. Default `Date.now`. */
  now?: () => number;
}

const NAMES: Readonly<Record<keyof NitroPolicyOptions, true>> = {
  ...{ pcrs: true, root: true, debug: true, clockSkewMs: true, channel: true, now: true },
};
const CLOCK_SKEW_MS = 300_000;
const CLAIMS = { nonce: "nonce", userData: "user_data", publicKey: "public_key" } as const;

/**
 * Creates a policy that accepts attestation documents of AWS Nitro Enclaves with the given measurements. Its `verify`
 * rejects with an {@link AttestationError}.
 *
 * Checked are the document's form, the chain of certificates to the root at the current time, the signature, the
 * measurements, debug mode, and the expected nonce, user data and public key. There is no revocation list to check.
 *
 * ```ts
 * import { nitroPolicy } from "@vrpc/vrpc/attestation";
 *
 * const policy = nitroPolicy({ pcrs: { 0: "1f".repeat(48), 8: "a0".repeat(48) } });
 * const nonce = crypto.getRandomValues(new Uint8Array(32));
 * ```
 *
 * Throws TypeError or RangeError for options that are not valid: no PCR, one that is not 96 hex digits, one that is
 * zero outside of debug mode, a root that is no certificate.
 *
 * @category Attestation
 */
export function nitroPolicy(options: NitroPolicyOptions): AttestationPolicy {
  return new NitroPolicy(options);
}

class NitroPolicy implements AttestationPolicy {
  readonly format = "nitro";
  readonly channel: "tls" | "vsock";
  readonly #sets: readonly PcrSet[];
  readonly #roots: readonly Uint8Array[];
  readonly #debug: boolean;
  readonly #clockSkewMs: number;
  readonly #now: () => number;
  readonly #known = new KnownCertificates();

  constructor(options: NitroPolicyOptions) {
    checkNames("nitroPolicy", options, NAMES);
    checkRanges(options, { clockSkewMs: whole(0, 86_400_000) });
    const { debug = false, channel = "tls", root = AWS_NITRO_ROOT_G1 } = options;
    if (typeof debug !== "boolean") throw new TypeError("Cannot use debug: it must be a boolean");
    checkOneOf("channel", channel, ["tls", "vsock"]);
    if (options.now !== undefined) checkFunctions("now", [options.now]);
    this.channel = channel;
    this.#debug = debug;
    this.#sets = readPcrSets(options.pcrs, debug);
    this.#roots = (Array.isArray(root) ? root : [root]).map(readRoot);
    if (this.#roots.length === 0) throw new TypeError("Cannot use root: there is none");
    this.#clockSkewMs = options.clockSkewMs ?? CLOCK_SKEW_MS;
    this.#now = options.now ?? Date.now;
  }

  accepts(attestation: Attestation): boolean {
    if (attestation.format !== this.format) return false;
    try {
      this.#checkMeasurements(attestation);
      return true;
    } catch (error) {
      if (error instanceof AttestationError) return false;
      throw error;
    }
  }

  async verify(document: Uint8Array, expected: ExpectedClaims = {}): Promise<Attestation> {
    checkExpected(expected);
    const parts = readNitroParts(document);
    const { claims } = parts;
    // What costs little comes first, so that a forger gains little by what costs much.
    for (const [name, field] of Object.entries(CLAIMS)) {
      const key = name as keyof typeof CLAIMS;
      if (expected[key] !== undefined) checkClaim(field as "nonce", claims[key], expected[key]);
    }
    const chain = parts.chain.map((der, i) =>
      readCertificate(der, `certificate ${i} of ${parts.chain.length}`)
    );
    checkRoot(chain, this.#roots);
    const nowMs = this.#now();
    // A nonce proves that the document is new. Its certificate may be as new: issued in the second of the document.
    checkChain(chain, nowMs, expected.nonce === undefined ? 0 : this.#clockSkewMs);
    const aheadMs = claims.timestamp - nowMs;
    if (aheadMs > this.#clockSkewMs) {
      throw new AttestationError(
        "timestamp",
        `The document is ${aheadMs} ms ahead of the clock, the limit is ${this.#clockSkewMs}`,
      );
    }
    this.#checkMeasurements(claims);
    await verifications.run(() => this.#checkSignatures(chain, parts));
    return claims;
  }

  #checkMeasurements({ pcrs }: Attestation): void {
    if (!this.#debug) refuseDebug(pcrs);
    checkPcrs(pcrs, this.#sets);
  }

  async #checkSignatures(chain: readonly Certificate[], { signed }: NitroParts): Promise<void> {
    // The root is known by its bytes; its own signature proves nothing more.
    for (let i = 1; i < chain.length; i++) {
      if (await this.#known.isIssued(chain[i], chain[i - 1])) continue;
      throw new AttestationError(
        "chain",
        `The signature of certificate ${i} of ${chain.length} is not its issuer's`,
      );
    }
    const signer = chain[chain.length - 1];
    if (await isSigned(signed.signedBytes, signed.signature, signer)) return;
    throw new AttestationError("signature", "The document's signature is not its certificate's");
  }
}

/** Throws TypeError unless all values given are bytes: a value that is undefined by mistake must not go unchecked. */
function checkExpected(expected: ExpectedClaims): void {
  checkNames("verify", expected, CLAIMS);
  for (const [name, value] of Object.entries(expected)) {
    if (!isBytes(value)) throw new TypeError(`Cannot expect ${name}: it must be a Uint8Array`);
  }
}

function checkClaim(
  reason: "nonce" | "user_data" | "public_key",
  found: Uint8Array | undefined,
  expected: Uint8Array,
): void {
  if (found !== undefined && bytesEqual(found, expected)) return;
  throw new AttestationError(
    reason,
    found === undefined
      ? `The document has no ${reason}, one is expected`
      : `The document's ${reason} is not the expected one: it is of another exchange or channel`,
  );
}

/** Returns a root in DER; throws TypeError unless it is one certificate of the kind that Nitro uses. */
function readRoot(root: string | Uint8Array): Uint8Array {
  const der = typeof root === "string"
    ? rootOfPem(root)
    : isBytes(root)
    ? new Uint8Array(root)
    : root;
  try {
    readCertificate(der, "the root");
  } catch (error) {
    const why = error instanceof AttestationError ? error.message : "it is not PEM text or DER";
    throw new TypeError(`Cannot use root: ${why}`);
  }
  return der;
}

function rootOfPem(text: string): Uint8Array<ArrayBuffer> {
  try {
    return derOfPem(text);
  } catch (error) {
    throw new TypeError(`Cannot use root: ${(error as Error).message}`);
  }
}
