/**
 * COSE_Sign1 (RFC 9052 §4.2) with ES384 (RFC 9053 §2.1), untagged, as the Nitro Secure Module signs.
 *
 * @module
 */

import { malformed } from "./attestation_error.ts";
import { decodeCbor } from "./cbor.ts";
import { encodeCbor } from "./cbor_writer.ts";

/** A signed message, not yet verified. */
export interface CoseSign1 {
  /** The signed content, a view of the message. */
  readonly payload: Uint8Array;
  /** `r` and `s`, of 48 bytes each, a view of the message. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The bytes under the signature: Sig_structure, §4.4. */
  readonly signedBytes: Uint8Array<ArrayBuffer>;
}

/** Header parameter of the algorithm (RFC 9052 §3.1). */
const ALGORITHM = 1;
const ES384 = -35;
const SIGNATURE_BYTES = 96;

/** Reads a message; throws an AttestationError (`malformed`) unless it has this form and nothing else. */
export function readCoseSign1(message: Uint8Array<ArrayBuffer>): CoseSign1 {
  const outer = decodeCbor(message);
  if (!Array.isArray(outer) || outer.length !== 4) {
    throw malformed("COSE_Sign1 must be an array of four items");
  }
  const [protectedHeader, unprotectedHeader, payload, signature] = outer;
  if (!(protectedHeader instanceof Uint8Array)) {
    throw malformed("COSE_Sign1 must begin with its protected header");
  }
  const header = decodeCbor(protectedHeader);
  if (!(header instanceof Map) || header.size !== 1 || !header.has(ALGORITHM)) {
    throw malformed("The protected header must hold the algorithm and nothing else");
  }
  if (header.get(ALGORITHM) !== ES384) {
    throw malformed(`The algorithm is ${header.get(ALGORITHM)}, must be ES384 (${ES384})`);
  }
  if (!(unprotectedHeader instanceof Map) || unprotectedHeader.size !== 0) {
    throw malformed("The unprotected header must be an empty map");
  }
  if (!(payload instanceof Uint8Array) || payload.length === 0) {
    throw malformed("The payload must be a byte string that is not empty");
  }
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) {
    throw malformed(`The signature must be a byte string of ${SIGNATURE_BYTES} bytes`);
  }
  return {
    payload,
    signature: signature as Uint8Array<ArrayBuffer>,
    signedBytes: encodeCbor(["Signature1", protectedHeader, new Uint8Array(), payload]),
  };
}
