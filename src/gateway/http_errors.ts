/**
 * HTTP responses for RpcErrors (the mapping of google/rpc/code.proto), in the form that the client reads.
 *
 * @module
 */

import { base64Text } from "../bytes/base64_text.ts";
import { printableJson } from "../call/printable.ts";
import type { ErrorDetail, RpcError } from "../errors.ts";
import { httpStatus } from "../call/http_status.ts";
import { type Status, statusName } from "../call/status.ts";
import { type FieldViolation, fieldViolations } from "../validation/field_violations.ts";
import { connectErrorJson } from "../web/connect_error.ts";

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
  /** What is wrong with fields of the request, if the details say so (`buf.validate.Violations`, `google.rpc.BadRequest`). */
  readonly violations?: readonly FieldViolation[];
}

/** Builds the JSON body of an error. */
export function errorBody(
  code: Status,
  message: string,
  details: readonly ErrorDetail[] = [],
): ErrorBody {
  const violations = fieldViolations({ details });
  return {
    code: statusName(code),
    message,
    details: details.map((detail) => ({
      type: detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1),
      value: base64Text(detail.value),
    })),
    ...(violations.length === 0 ? {} : { violations }),
  };
}

/** Form of errors in JSON. */
export interface ErrorForm {
  /** Returns the JSON of an error, in one line of printable characters. */
  text(error: RpcError): string;
}

/** The gateway's own form: {@link ErrorBody}. */
export const OWN_ERRORS: ErrorForm = {
  text: ({ code, message, details }) => printableJson(errorBody(code, message, details)),
};

/** The form of the Connect protocol ("Error Codes"): codes like `not_found`. */
const CONNECT_ERRORS: ErrorForm = {
  text: ({ code, message, details }) => printableJson(connectErrorJson(code, message, details)),
};

/** Returns the form for a client: Connect's when the request says that it is one. */
export function errorFormFor(headers: Headers): ErrorForm {
  return headers.has("connect-protocol-version") ? CONNECT_ERRORS : OWN_ERRORS;
}

/** Builds the response for an error; `status` overrides the mapping, `allow` are the methods that a 405 names. */
export function errorResponse(
  error: RpcError,
  status: number = httpStatus(error.code),
  form: ErrorForm = OWN_ERRORS,
  allow: string = "POST",
): Response {
  const headers: Record<string, string> = {};
  if (status === 503) headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  if (status === 405) headers["allow"] = allow;
  headers["content-type"] = "application/json";
  return new Response(form.text(error), { status, headers });
}
