/**
 * Fields of requests: timeouts, encodings and versions of both protocols.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { acceptsEncoding, type Encoding, encodingList } from "../../call/encodings.ts";
import { parseTimeout } from "../../grpc/fields.ts";

/** Why a request is not a valid call. */
export interface BadRequest {
  readonly code: Status;
  readonly message: string;
}

const invalid = (message: string): BadRequest => ({ code: Status.INVALID_ARGUMENT, message });

/** Reads `Connect-Timeout-Ms`: at most 10 digits; Infinity for none. */
export function connectTimeout(value: string | undefined): number | BadRequest {
  if (value === undefined) return Infinity;
  if (/^[0-9]{1,10}$/.test(value)) return Number(value);
  return invalid(`Cannot read connect-timeout-ms ${JSON.stringify(value)}: use 1 to 10 digits`);
}

/** Reads `grpc-timeout`; Infinity for none. */
export function grpcTimeout(value: string | undefined): number | BadRequest {
  if (value === undefined) return Infinity;
  const timeoutMs = parseTimeout(value);
  if (!Number.isNaN(timeoutMs)) return timeoutMs;
  const message = `Cannot read grpc-timeout ${JSON.stringify(value)}`;
  return { code: Status.INTERNAL, message };
}

/** Reads the compression of request messages; `identity` for none. */
export function requestEncoding(
  value: string | undefined,
  accepted: readonly Encoding[],
): string | BadRequest {
  if (value === undefined || value === "" || value === "identity") return "identity";
  if (acceptsEncoding(accepted, value)) return value;
  return {
    code: Status.UNIMPLEMENTED,
    message: `Compression ${JSON.stringify(value)} is not supported: use ${encodingList(accepted)}`,
  };
}

/** Checks the version of the Connect protocol, which callers may leave out. */
export function checkConnectVersion(value: string | undefined): BadRequest | undefined {
  if (value === undefined || value === "1") return undefined;
  return invalid(`Connect-Protocol-Version ${JSON.stringify(value)} is not supported: use 1`);
}

/** Whether a value is a {@link BadRequest}. */
export function isBadRequest(value: unknown): value is BadRequest {
  return typeof value === "object" && value !== null && "code" in value;
}
