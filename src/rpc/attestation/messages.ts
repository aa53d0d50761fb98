/**
 * Messages of the exchange (proto/vrpc/attest/v1/attest.proto), and its limits.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExchangeRequest,
  ExchangeRequestSchema,
  type ExchangeResponse,
  ExchangeResponseSchema,
} from "../../../proto/gen/vrpc/attest/v1/attest_pb.ts";

/** Path of the exchange by the wire. */
export const ATTEST_PATHS = {
  grpc: "/vrpc.attest.v1.Attestation/Exchange",
  lean: "vrpc/attest",
} as const;

/** Largest document, in bytes. */
export const MAX_DOCUMENT_BYTES = 16_384;
/** Largest message: a document, a nonce and a name of a format. */
export const MAX_MESSAGE_BYTES = MAX_DOCUMENT_BYTES + 256;
/** Length of a nonce, in bytes. */
export const NONCE_BYTES = 32;
/** Time limit of each step, in ms: a busy Nitro Secure Module takes 70 ms. */
export const EXCHANGE_TIMEOUT_MS = 10_000;

/** Encodes a request. */
export function encodeRequest(
  request: MessageInitShape<typeof ExchangeRequestSchema>,
): Uint8Array {
  return toBinary(ExchangeRequestSchema, create(ExchangeRequestSchema, request));
}

/** Decodes a request; undefined if it is not valid. */
export function decodeRequest(bytes: Uint8Array): ExchangeRequest | undefined {
  try {
    return fromBinary(ExchangeRequestSchema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

/** Encodes a response. */
export function encodeResponse(
  response: MessageInitShape<typeof ExchangeResponseSchema>,
): Uint8Array {
  return toBinary(ExchangeResponseSchema, create(ExchangeResponseSchema, response));
}

/** Decodes a response; undefined if it is not valid. */
export function decodeResponse(bytes: Uint8Array): ExchangeResponse | undefined {
  try {
    return fromBinary(ExchangeResponseSchema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

/** Returns a new nonce. */
export function newNonce(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
}
