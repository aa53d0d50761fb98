/**
 * Names of statuses in the Connect protocol ("Error Codes").
 *
 * @module
 */

import { Status } from "../call/status.ts";

const CODES: Readonly<Record<Status, string>> = {
  // Not sent: a call without an error has no code.
  [Status.OK]: "ok",
  [Status.CANCELLED]: "canceled",
  [Status.UNKNOWN]: "unknown",
  [Status.INVALID_ARGUMENT]: "invalid_argument",
  [Status.DEADLINE_EXCEEDED]: "deadline_exceeded",
  [Status.NOT_FOUND]: "not_found",
  [Status.ALREADY_EXISTS]: "already_exists",
  [Status.PERMISSION_DENIED]: "permission_denied",
  [Status.RESOURCE_EXHAUSTED]: "resource_exhausted",
  [Status.FAILED_PRECONDITION]: "failed_precondition",
  [Status.ABORTED]: "aborted",
  [Status.OUT_OF_RANGE]: "out_of_range",
  [Status.UNIMPLEMENTED]: "unimplemented",
  [Status.INTERNAL]: "internal",
  [Status.UNAVAILABLE]: "unavailable",
  [Status.DATA_LOSS]: "data_loss",
  [Status.UNAUTHENTICATED]: "unauthenticated",
};

const STATUSES: ReadonlyMap<unknown, Status> = new Map(
  Object.values(Status).filter((code) => code !== Status.OK).map((code) => [CODES[code], code]),
);

/** Name of an error's status in Connect, for example `not_found`. */
export function connectCode(code: Status): string {
  return CODES[code];
}

/** Status of an error's name in Connect; undefined for any other value. */
export function statusFromConnect(code: unknown): Status | undefined {
  return STATUSES.get(code);
}
