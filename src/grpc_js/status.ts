/**
 * Statuses of calls, and the errors made of them.
 *
 * @module
 */

import type { Metadata } from "./metadata.ts";
import { Status } from "./constants.ts";

/** Status of a call. */
export interface StatusObject {
  /** Code of the status. */
  code: Status;
  /** Text of the status. */
  details: string;
  /** Trailing metadata. */
  metadata: Metadata;
}

/** Status whose metadata may be absent. */
export type PartialStatusObject = Pick<StatusObject, "code" | "details"> & {
  /** Trailing metadata. Default none. */
  metadata?: Metadata | null | undefined;
};

/** Error of a call that failed. */
export type ServiceError = StatusObject & Error;

/** What a handler may end its call with instead of a reply. */
export type ServerStatusResponse = Partial<StatusObject>;

/** Error that a handler may end its call with. */
export type ServerErrorResponse = ServerStatusResponse & Error;

/** Makes the error of a call; `caller` is the stack of the code that made the call. */
export function callErrorFromStatus(status: StatusObject, caller: Error | undefined): ServiceError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(`${status.code} ${Status[status.code]}: ${status.details}`);
  Error.stackTraceLimit = stackTraceLimit;
  Object.assign(error, status);
  if (caller !== undefined) {
    const lines = caller.stack?.split("\n").slice(1).join("\n") || "no stack trace available";
    error.stack = `${error.stack}\nfor call at\n${lines}`;
  }
  return error as ServiceError;
}

/** Converts what a handler passed as its error to a status. Without an integer code it is UNKNOWN. */
export function serverErrorToStatus(
  error: ServerErrorResponse | ServerStatusResponse,
  trailers?: Metadata,
): PartialStatusObject {
  const status: PartialStatusObject = {
    code: Status.UNKNOWN,
    details: "message" in error ? error.message : "Unknown Error",
    metadata: trailers ?? error.metadata ?? null,
  };
  if (Number.isInteger(error.code)) {
    status.code = error.code as Status;
    if (typeof error.details === "string") status.details = error.details;
  }
  return status;
}

/** Builds a status step by step. */
export class StatusBuilder {
  #status: Partial<StatusObject> = {};

  /** Sets the code. */
  withCode(code: Status): this {
    this.#status.code = code;
    return this;
  }

  /** Sets the text. */
  withDetails(details: string): this {
    this.#status.details = details;
    return this;
  }

  /** Sets the metadata. */
  withMetadata(metadata: Metadata): this {
    this.#status.metadata = metadata;
    return this;
  }

  /** Returns the parts that were set. */
  build(): Partial<StatusObject> {
    return { ...this.#status };
  }
}
