/**
 * HTTP responses for RpcErrors (the mapping of google/rpc/code.proto).
 *
 * @module
 */

import { printableJson } from "../call/printable.ts";
import type { ErrorDetail, RpcError } from "../errors.ts";
import { httpStatus } from "../call/http_status.ts";
import { type Status, statusName } from "../call/status.ts";

/** `Retry-After` while the service is unavailable, in seconds. */
export const RETRY_AFTER_SECONDS = 1;

/** JSON body of an error. */
export interface ErrorBody {
  /** Name of the status, for example `NOT_FOUND`. */
  readonly code: string;
  /** Message of the status. */
  readonly message: string;
  /** Error details: message type, and the encoded message in base64. */
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

/** Builds the JSON body of an error. */
export function errorBody(
  code: Status,
  message: string,
  details: readonly ErrorDetail[] = [],
): ErrorBody {
  return {
    code: statusName(code),
    message,
    details: details.map((detail) => ({
      type: detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1),
      value: detail.value.toBase64(),
    })),
  };
}

/** Builds the response for an error; `status` overrides the mapping. */
export function errorResponse(error: RpcError, status: number = httpStatus(error.code)): Response {
  const headers: Record<string, string> = {};
  if (status === 503) headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  if (status === 405) headers["allow"] = "POST";
  headers["content-type"] = "application/json";
  const body = errorBody(error.code, error.message, error.details);
  return new Response(printableJson(body), { status, headers });
}
