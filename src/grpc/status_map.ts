/**
 * Maps HTTP/2 error codes to call statuses (gRPC, "PROTOCOL-HTTP2.md").
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { ErrorCode } from "../http2/constants.ts";

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
