/**
 * Attestation documents of AWS Nitro Enclaves: their form, and their content before it is verified.
 *
 * @module
 */

import { isBytes } from "../bytes/is_bytes.ts";
import type { Attestation } from "../call/attestation.ts";
import { malformed } from "./attestation_error.ts";
import { type CborMap, type CborValue, decodeCbor } from "./cbor.ts";
import { readCertificate } from "./certificate.ts";
import { type CoseSign1, readCoseSign1 } from "./cose_sign1.ts";
import { nameText } from "./distinguished_name.ts";
import { toHex } from "./hex.ts";

/** Largest document, in bytes; real ones have about 5,000. */
export const MAX_DOCUMENT_BYTES = 16_384;

/** Registers of a Nitro Secure Module. */
export const PCR_COUNT = 32;
/** Length of a SHA-384 measurement, in bytes. */
export const PCR_BYTES = 48;

/** Longest fields, in bytes, from the specification of the document. */
export const MAX_BYTES = {
  certificate: 1024,
  public_key: 1024,
  user_data: 512,
  nonce: 512,
} as const;
/** Most certificates in a bundle; real ones have four. Each costs a verified signature. */
const MAX_BUNDLE = 8;

/** Document in parts, of which nothing is verified. */
export interface NitroParts {
  readonly signed: CoseSign1;
  readonly claims: Attestation;
  /** Certificates in DER from the root to the one that signed the document. */
  readonly chain: readonly Uint8Array<ArrayBuffer>[];
}

/** Splits a copy of a document; throws an AttestationError (`malformed`). */
export function readNitroParts(document: Uint8Array): NitroParts {
  if (!isBytes(document)) throw new TypeError("A document must be a Uint8Array");
  if (document.length > MAX_DOCUMENT_BYTES) {
    throw malformed(`Document has ${document.length} bytes, the limit is ${MAX_DOCUMENT_BYTES}`);
  }
  // A copy: verification takes several turns, in which the application may change the document.
  const signed = readCoseSign1(new Uint8Array(document));
  const fields = decodeCbor(signed.payload);
  if (!(fields instanceof Map)) throw malformed("The payload must be a map");
  const digest = fields.get("digest");
  if (digest !== "SHA384") throw malformed("Field digest must be SHA384");
  const moduleId = fields.get("module_id");
  if (typeof moduleId !== "string" || moduleId === "") {
    throw malformed("Field module_id must be text that is not empty");
  }
  const claims: Attestation = {
    format: "nitro",
    moduleId,
    timestamp: readTimestamp(fields.get("timestamp")),
    pcrs: readPcrs(fields.get("pcrs")),
    userData: optionalBytes(fields, "user_data"),
    publicKey: optionalBytes(fields, "public_key"),
    nonce: optionalBytes(fields, "nonce"),
  };
  return { signed, claims, chain: readChain(fields) };
}

function readTimestamp(value: CborValue | undefined): number {
  // The largest time of a Date, in ms since 1970.
  if (typeof value !== "number" || value <= 0 || value > 8.64e15) {
    throw malformed("Field timestamp must be a number of ms above 0");
  }
  return value;
}

function readPcrs(value: CborValue | undefined): Readonly<Record<number, string>> {
  if (!(value instanceof Map) || value.size === 0 || value.size > PCR_COUNT) {
    throw malformed(`Field pcrs must be a map of 1 to ${PCR_COUNT} registers`);
  }
  const pcrs: Record<number, string> = Object.create(null);
  for (const [index, measurement] of value) {
    if (typeof index !== "number" || index < 0 || index >= PCR_COUNT) {
      throw malformed(`Field pcrs has a register that is not 0 to ${PCR_COUNT - 1}`);
    }
    if (!(measurement instanceof Uint8Array) || measurement.length !== PCR_BYTES) {
      throw malformed(`PCR${index} must have ${PCR_BYTES} bytes`);
    }
    pcrs[index] = toHex(measurement);
  }
  return Object.freeze(pcrs);
}

/** Reads an optional field. Documents in the field hold null where the specification has no field. */
function optionalBytes(
  fields: CborMap,
  name: "user_data" | "public_key" | "nonce",
): Uint8Array | undefined {
  const value = fields.get(name) ?? null;
  if (value === null) return undefined;
  if (!(value instanceof Uint8Array) || value.length > MAX_BYTES[name]) {
    throw malformed(`Field ${name} must have at most ${MAX_BYTES[name]} bytes`);
  }
  // A copy: the claims outlive the document.
  return value.slice();
}

function readChain(fields: CborMap): Uint8Array<ArrayBuffer>[] {
  const bundle = fields.get("cabundle");
  if (!Array.isArray(bundle) || bundle.length === 0 || bundle.length > MAX_BUNDLE) {
    throw malformed(`Field cabundle must be an array of 1 to ${MAX_BUNDLE} certificates`);
  }
  return [...bundle, fields.get("certificate")].map((value) => {
    if (
      !(value instanceof Uint8Array) || value.length === 0 || value.length > MAX_BYTES.certificate
    ) {
      throw malformed(`A certificate must have 1 to ${MAX_BYTES.certificate} bytes`);
    }
    return value as Uint8Array<ArrayBuffer>;
  });
}

/**
 * A certificate of a document's chain.
 *
 * @category Attestation
 */
export interface NitroCertificate {
  /** Name of its owner, such as `C=US, O=Amazon, OU=AWS, CN=aws.nitro-enclaves`. */
  readonly subject: string;
  /** Name of the authority that issued it. */
  readonly issuer: string;
  /** First moment of its validity. */
  readonly notBefore: Date;
  /** Last moment of its validity. */
  readonly notAfter: Date;
}

/**
 * Content of a document that was read but not verified: anyone can write such a document.
 *
 * @category Attestation
 */
export interface UnverifiedNitroDocument {
  /** What the document claims. */
  readonly claims: Attestation;
  /** The certificates, from the root to the one that signed the document. */
  readonly chain: readonly NitroCertificate[];
}

/**
 * Reads a Nitro document without verifying anything, to show it to people. Throws an AttestationError (`malformed`)
 * for what is no document.
 *
 * @category Attestation
 */
export function readNitroDocument(document: Uint8Array): UnverifiedNitroDocument {
  const { claims, chain } = readNitroParts(document);
  return {
    claims,
    chain: chain.map((der, i) => {
      const certificate = readCertificate(der, `certificate ${i} of ${chain.length}`);
      const { subject, issuer, notBeforeMs, notAfterMs } = certificate;
      return {
        subject: nameText(subject),
        issuer: nameText(issuer),
        notBefore: new Date(notBeforeMs),
        notAfter: new Date(notAfterMs),
      };
    }),
  };
}
