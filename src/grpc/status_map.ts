/**
 * From HTTP and HTTP/2 codes to call statuses ("http-grpc-status-mapping.md" and "PROTOCOL-HTTP2.md" of gRPC).
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { ErrorCode } from "../http2/constants.ts";

/** The status of a response without grpc-status. */
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

/** The status of a stream that was reset with an HTTP/2 error code. */
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
