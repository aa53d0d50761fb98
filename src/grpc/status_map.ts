/**
 * Maps HTTP status and HTTP/2 error codes to call statuses (gRPC, "http-grpc-status-mapping.md", "PROTOCOL-HTTP2.md").
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { ErrorCode } from "../http2/constants.ts";

/** Status of a response without `grpc-status`. */
export function statusFromHttp(httpStatus: number): Status {
  switch (httpStatus) {
    case 400:
      return Status.INTERNAL;
    case 401:
      return Status.UNAUTHENTICATED;
    case 403:
      return Status.PERMISSION_DENIED;
    case 404:
      return Status.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return Status.UNAVAILABLE;
    default:
      return Status.UNKNOWN;
  }
}

/** Status of a call whose stream was reset with an HTTP/2 error code. */
export function statusFromReset(errorCode: number): Status {
  switch (errorCode) {
    case ErrorCode.REFUSED_STREAM:
      return Status.UNAVAILABLE;
    case ErrorCode.CANCEL:
      return Status.CANCELLED;
    case ErrorCode.ENHANCE_YOUR_CALM:
      return Status.RESOURCE_EXHAUSTED;
    case ErrorCode.INADEQUATE_SECURITY:
      return Status.PERMISSION_DENIED;
    default:
      return Status.INTERNAL;
  }
}
