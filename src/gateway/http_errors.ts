/**
 * Errors of calls as HTTP answers (the mapping of google/rpc/code.proto).
 *
 * @module
 */

import type { ErrorDetail, RpcError } from "../errors.ts";
import { Status, statusName } from "../call/status.ts";

const HTTP_STATUS: Readonly<Record<Status, number>> = {
  [Status.OK]: 200,
  [Status.CANCELLED]: 499,
  [Status.UNKNOWN]: 500,
  [Status.INVALID_ARGUMENT]: 400,
  [Status.DEADLINE_EXCEEDED]: 504,
  [Status.NOT_FOUND]: 404,
  [Status.ALREADY_EXISTS]: 409,
  [Status.PERMISSION_DENIED]: 403,
  [Status.RESOURCE_EXHAUSTED]: 429,
  [Status.FAILED_PRECONDITION]: 400,
  [Status.ABORTED]: 409,
  [Status.OUT_OF_RANGE]: 400,
  [Status.UNIMPLEMENTED]: 501,
  [Status.INTERNAL]: 500,
  [Status.UNAVAILABLE]: 503,
  [Status.DATA_LOSS]: 500,
  [Status.UNAUTHENTICATED]: 401,
};

/** How long a caller should wait before it tries again, in seconds, while the service is away. */
export const RETRY_AFTER_SECONDS = 1;

/** An error as it is sent: the status' name, the text, and details as type and base64. */
export interface ErrorBody {
  /** The status' name, for example `NOT_FOUND`. */
  readonly code: string;
  /** What the service says. */
  readonly message: string;
  /** Rich details: message type, and the encoded message in base64. */
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

/** The HTTP status of a call's status. */
export function httpStatus(code: Status): number {
  return HTTP_STATUS[code];
}

/** An error's JSON. */
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

/** An answer for an error; `status` overrides the mapping. */
export function errorResponse(error: RpcError, status: number = httpStatus(error.code)): Response {
  const headers: Record<string, string> = {};
  if (status === 503) headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  if (status === 405) headers["allow"] = "POST";
  return Response.json(errorBody(error.code, error.message, error.details), { status, headers });
}
