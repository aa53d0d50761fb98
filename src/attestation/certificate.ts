/**
 * Reader of X.509 certificates (RFC 5280) of the kind that sign attestation documents: version 3, P-384, ECDSA with
 * SHA-384. Any other certificate is refused, and so is one with an unknown critical extension.
 *
 * @module
 */

import { derToP1363 } from "../bytes/ecdsa_der.ts";
import { AttestationError, malformed } from "./attestation_error.ts";
import { DerReader, Tag } from "./der.ts";
import { bytesEqual, toHex } from "./hex.ts";

/** A certificate, not yet verified. All bytes are views of `der`. */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  /** The bytes under the signature. */
  readonly signedBytes: Uint8Array<ArrayBuffer>;
  /** `r` and `s`, of 48 bytes each. */
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly issuer: Uint8Array<ArrayBuffer>;
  readonly subject: Uint8Array<ArrayBuffer>;
  /** First and last moment of validity, in ms since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** Whether basic constraints make it an authority, and how many authorities may follow it. */
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  /** First byte of the key usage (§4.2.1.3); undefined without one. */
  readonly keyUsage: number | undefined;
}

/** Bits of {@link Certificate.keyUsage}. */
export const KeyUsage = { digitalSignature: 0x80, keyCertSign: 0x04 } as const;

const ECDSA_SHA384 = "300a06082a8648ce3d040303";
/** SubjectPublicKeyInfo of an uncompressed point on P-384, up to the point's coordinates. */
const P384_SPKI = "3076301006072a8648ce3d020106052b8104002203620004";
const P384_SPKI_BYTES = 120;
const P384_FIELD_BYTES = 48;
const BASIC_CONSTRAINTS = "551d13";
const KEY_USAGE = "551d0f";
/** Context-specific tags of the version and the extensions. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

/** Reads a certificate; throws an AttestationError for anything else. `name` is its name in error texts. */
export function readCertificate(der: Uint8Array<ArrayBuffer>, name: string): Certificate {
  try {
    return readFields(der);
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    throw new AttestationError(error.reason, `Cannot read ${name}: ${error.message}`);
  }
}

function readFields(der: Uint8Array<ArrayBuffer>): Certificate {
  const file = new DerReader(der);
  const parts = file.enter(Tag.SEQUENCE);
  file.end();
  const signedBytes = parts.takeWhole(Tag.SEQUENCE);
  const algorithm = parts.takeWhole(Tag.SEQUENCE);
  const signature = derToP1363(bitString(parts.take(Tag.BIT_STRING)), P384_FIELD_BYTES);
  parts.end();
  if (toHex(algorithm) !== ECDSA_SHA384) throw malformed("it is not signed by ECDSA with SHA-384");
  if (signature === undefined) throw malformed("its signature is not one of P-384");
  const fields = new DerReader(signedBytes).enter(Tag.SEQUENCE);
  if (toHex(fields.take(VERSION)) !== "020102") throw malformed("its version is not 3");
  fields.take(Tag.INTEGER);
  if (!bytesEqual(fields.takeWhole(Tag.SEQUENCE), algorithm)) {
    throw malformed("it names two algorithms of its signature");
  }
  const issuer = fields.takeWhole(Tag.SEQUENCE);
  const validity = fields.enter(Tag.SEQUENCE);
  const notBeforeMs = readTime(validity);
  const notAfterMs = readTime(validity);
  validity.end();
  const subject = fields.takeWhole(Tag.SEQUENCE);
  const spki = fields.takeWhole(Tag.SEQUENCE);
  if (spki.length !== P384_SPKI_BYTES || !toHex(spki).startsWith(P384_SPKI)) {
    throw malformed("its key is not an uncompressed point of P-384");
  }
  const extensions = readExtensions(fields);
  fields.end();
  return {
    ...{ der, signedBytes, signature: signature as Uint8Array<ArrayBuffer>, issuer, subject },
    ...{ notBeforeMs, notAfterMs, spki },
    ...basicConstraints(extensions.get(BASIC_CONSTRAINTS)),
    keyUsage: keyUsage(extensions.get(KEY_USAGE)),
  };
}

/** Content of a bit string, whose bits must fill its bytes. */
function bitString(content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (content[0] !== 0) throw malformed("its signature does not end with a whole byte");
  return content.subarray(1);
}

/** Reads a time (§4.1.2.5): UTCTime up to 2049, GeneralizedTime from 2050 on, in seconds and UTC. */
function readTime(reader: DerReader): number {
  const short = reader.isNext(Tag.UTC_TIME);
  const text = String.fromCharCode(
    ...reader.take(short ? Tag.UTC_TIME : Tag.GENERALIZED_TIME).subarray(0, 16),
  );
  const form = short ? /^(\d\d)(\d{4})(\d{6})Z$/ : /^(\d{4})(\d{4})(\d{6})Z$/;
  const [, years, days, time] = form.exec(text) ?? [];
  if (years === undefined) throw malformed("its validity has a time in another form than RFC 5280");
  const year = short ? Number(years) + (Number(years) < 50 ? 2000 : 1900) : Number(years);
  const pairs = (digits: string) => digits.match(/../g)!;
  const iso = `${String(year).padStart(4, "0")}-${pairs(days).join("-")}T${
    pairs(time).join(":")
  }.000Z`;
  const ms = Date.parse(iso);
  // Date.parse takes the 30th of February for the 1st or 2nd of March.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso) {
    throw malformed("its validity has a time that does not exist");
  }
  return ms;
}

/** Reads the extensions, by the hex of their identifier. */
function readExtensions(fields: DerReader): Map<string, Uint8Array<ArrayBuffer>> {
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  const outer = fields.enter(EXTENSIONS);
  const list = outer.enter(Tag.SEQUENCE);
  outer.end();
  while (!list.atEnd) {
    const extension = list.enter(Tag.SEQUENCE);
    const id = toHex(extension.take(Tag.OID));
    const critical = extension.isNext(Tag.BOOLEAN) && readTrue(extension);
    const value = extension.take(Tag.OCTET_STRING);
    extension.end();
    if (found.has(id)) throw malformed("it has an extension twice");
    if (critical && id !== BASIC_CONSTRAINTS && id !== KEY_USAGE) {
      throw malformed(`its critical extension ${id} is not known`);
    }
    found.set(id, value);
  }
  return found;
}

/** Takes a boolean, which must be true: DER leaves out the default, false. */
function readTrue(reader: DerReader): true {
  const content = reader.take(Tag.BOOLEAN);
  if (content.length !== 1 || content[0] !== 0xff) {
    throw malformed("it has a boolean that is not DER");
  }
  return true;
}

function basicConstraints(value: Uint8Array<ArrayBuffer> | undefined) {
  if (value === undefined) return { isAuthority: false, pathLength: undefined };
  const outer = new DerReader(value);
  const fields = outer.enter(Tag.SEQUENCE);
  outer.end();
  const isAuthority = fields.isNext(Tag.BOOLEAN) && readTrue(fields);
  let pathLength: number | undefined;
  if (isAuthority && fields.isNext(Tag.INTEGER)) {
    const digits = fields.take(Tag.INTEGER);
    // One byte is enough: chains have at most eight certificates.
    if (digits.length !== 1 || digits[0] > 0x7f) throw malformed("its path length is over 127");
    pathLength = digits[0];
  }
  fields.end();
  return { isAuthority, pathLength };
}

function keyUsage(value: Uint8Array<ArrayBuffer> | undefined): number | undefined {
  if (value === undefined) return undefined;
  const outer = new DerReader(value);
  const [unused, bits] = outer.take(Tag.BIT_STRING);
  outer.end();
  if (unused === undefined || unused > 7 || bits === undefined) {
    throw malformed("its key usage is not a string of bits");
  }
  return bits;
}
