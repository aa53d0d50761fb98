/**
 * Requests to a Nitro Secure Module and its responses, in CBOR as in AWS's aws-nitro-enclaves-nsm-api.
 *
 * @module
 */

import { AttestationError } from "./attestation_error.ts";
import { type CborMap, type CborValue, decodeCbor } from "./cbor.ts";
import { encodeCbor } from "./cbor_writer.ts";

/** What a document shall hold. */
export interface DocumentFields {
  readonly nonce?: Uint8Array;
  readonly userData?: Uint8Array;
  readonly publicKey?: Uint8Array;
}

/** Encodes the request of a document. */
export function attestationRequest({ nonce, userData, publicKey }: DocumentFields): Uint8Array {
  return encodeCbor(
    request("Attestation", {
      user_data: userData ?? null,
      nonce: nonce ?? null,
      public_key: publicKey ?? null,
    }),
  );
}

/** Encodes the request that extends a register. */
export function extendRequest(index: number, data: Uint8Array): Uint8Array {
  return encodeCbor(request("ExtendPCR", { index, data }));
}

/** Encodes the request that locks a register. */
export function lockRequest(index: number): Uint8Array {
  return encodeCbor(request("LockPCR", { index }));
}

function request(name: string, fields: Readonly<Record<string, CborValue>>): CborMap {
  return new Map([[name, new Map<number | string, CborValue>(Object.entries(fields))]]);
}

/**
 * Returns the bytes `field` of the response to a request of that name. Throws an AttestationError (`unavailable`) for
 * an error of the module, and for what is no response.
 */
export function responseField(name: string, field: string, bytes: Uint8Array): Uint8Array {
  const found = responseOf(name, bytes);
  const value = found instanceof Map ? found.get(field) : undefined;
  if (value instanceof Uint8Array) return value;
  throw unreadable(name);
}

/** Throws an AttestationError (`unavailable`) unless a response says that a request without a result was carried out. */
export function checkDone(name: string, bytes: Uint8Array): void {
  responseOf(name, bytes);
}

function responseOf(name: string, bytes: Uint8Array): CborValue {
  let response: CborValue;
  try {
    response = decodeCbor(bytes);
  } catch {
    throw unreadable(name);
  }
  if (response === name) return null;
  const error = response instanceof Map ? response.get("Error") : undefined;
  if (typeof error === "string") {
    throw new AttestationError("unavailable", `The Nitro Secure Module refuses ${name}: ${error}`);
  }
  const body = response instanceof Map ? response.get(name) : undefined;
  if (body === undefined) throw unreadable(name);
  return body;
}

function unreadable(name: string): AttestationError {
  return new AttestationError(
    "unavailable",
    `The Nitro Secure Module's response to ${name} is not valid`,
  );
}
