/**
 * Errors with which a server ends calls, and the trailers that carry their metadata and details.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { errorFromOutside, RpcError } from "../../errors.ts";
import { DETAILS_KEY, encodeStatusDetails } from "../../codec/status_details.ts";
import type { MethodInfo } from "../core/types.ts";
import type { CallConnection } from "../dispatch/call_context.ts";

/**
 * Returns one error object for all calls of a connection that are cancelled for the same reason: constructing an Error
 * costs 5 µs even without a stack, a third of the time that it took to end the calls of a lost connection.
 */
export function sharedCancelError(
  connection: CallConnection,
  code: Status,
  reason: string,
): RpcError {
  const last = connection.lastCancelError;
  if (last !== undefined && last.code === code && last.message === reason) return last;
  const error = errorFromOutside(code, reason);
  // Handlers get it as the reason of `context.signal`.
  Object.freeze(error.details);
  return connection.lastCancelError = Object.freeze(error);
}

/**
 * Creates the error of a call with none or several requests to a method that takes exactly one (doc/statuscodes.md:
 * "cardinality violation").
 */
export function wrongCountError(method: MethodInfo, sent: "more" | "none"): RpcError {
  return new RpcError(
    Status.UNIMPLEMENTED,
    `Method ${method.path} takes 1 request, the caller sent ${sent}`,
  );
}

/** Creates the error of a call whose dispatcher returned a result that does not match the kind of the method. */
export function wrongReplyError(method: MethodInfo, streams: boolean): TypeError {
  return new TypeError(
    `The dispatcher answered ${method.path} ` +
      (streams ? "without a stream of replies" : "without a single reply"),
  );
}

/** Creates the error of a call that took longer than the server allows, whatever its caller's deadline. */
export function timeLimitError(limitMs: number): RpcError {
  return new RpcError(
    Status.DEADLINE_EXCEEDED,
    `The server's time limit of ${Math.round(limitMs)} ms was exceeded`,
  );
}

/** Returns the trailers of a call that ends with `error`: its metadata and details beside the handler's own. */
export function errorTrailers(
  error: RpcError,
  code: Status,
  trailers: Metadata | undefined,
): Metadata | undefined {
  if (error.details.length === 0 && error.metadata.size === 0) return trailers;
  const all = trailers?.clone() ?? new Metadata();
  for (const [key, value] of error.metadata) all.append(key, value);
  if (error.details.length > 0) {
    all.set(DETAILS_KEY, encodeStatusDetails(code, error.message, error.details));
  }
  return all;
}
