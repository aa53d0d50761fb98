/**
 * Converts what an application throws to a status that every wire can send.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { type ErrorDetail, isInstance, RpcError, textOf } from "../../errors.ts";
import type { CallState } from "../dispatch/call_context.ts";
import { EncodingError } from "../dispatch/invoke.ts";

/** Receives reports of what a handler threw. */
export interface FailureReports {
  /** Logs what a handler threw other than an RpcError, and replies that cannot be encoded. */
  handlerFailed(state: CallState, error: unknown): void;
  /** Logs that an RpcError cannot be sent as the handler threw it, and why. */
  errorRepaired(state: CallState, error: RpcError, fault: string): void;
}

/** Returns the error that ends a call whose handler threw `thrown`, and reports failures. Never throws. */
export function sendableError(
  thrown: unknown,
  state: CallState,
  reports: FailureReports,
): RpcError {
  if (!isInstance(thrown, RpcError)) {
    reports.handlerFailed(state, thrown);
    return new RpcError(Status.UNKNOWN, "The handler failed", { cause: thrown });
  }
  const fault = faultOf(thrown);
  if (fault !== undefined) {
    reports.errorRepaired(state, thrown, fault);
    return repaired(thrown);
  }
  if (thrown instanceof EncodingError) reports.handlerFailed(state, thrown.cause);
  return thrown;
}

/** Returns why an RpcError cannot be sent as it is; undefined if it can. Never throws. */
function faultOf(error: RpcError): string | undefined {
  try {
    const { code, message, metadata, details } = error;
    if (!isErrorCode(code)) {
      return `its code ${textOf(code)} is not one of gRPC's error codes, 1 to 16`;
    }
    if (typeof message !== "string") return `its message is not text but ${typeof message}`;
    if (!(metadata instanceof Metadata)) return "its metadata is not a Metadata";
    if (!areDetails(details)) return "its details are not a list of { typeUrl, value }";
    return undefined;
  } catch (thrown) {
    return `it cannot be read: ${textOf(thrown)}`;
  }
}

/** Makes an RpcError of what can be sent of `error`; a code that is not gRPC's becomes UNKNOWN. Never throws. */
function repaired(error: RpcError): RpcError {
  const code = read(() => error.code);
  const message = read(() => error.message);
  const metadata = read(() => error.metadata);
  const details = read(() => areDetails(error.details) ? error.details : undefined);
  return new RpcError(
    isErrorCode(code) ? code : Status.UNKNOWN,
    typeof message === "string" ? message : "The handler failed",
    {
      metadata: read(() => metadata instanceof Metadata) ? metadata as Metadata : undefined,
      details,
      cause: error,
    },
  );
}

function isErrorCode(code: unknown): code is Status {
  return Number.isInteger(code) && code as number >= 1 && code as number <= 16;
}

function areDetails(details: unknown): details is readonly ErrorDetail[] {
  return Array.isArray(details) &&
    details.every((detail) =>
      typeof detail === "object" && detail !== null && typeof detail.typeUrl === "string" &&
      ArrayBuffer.isView(detail.value) && detail.value instanceof Uint8Array
    );
}

function read<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}
