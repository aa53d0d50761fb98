/**
 * Reasons for the loss of a connection, by the names of gRPC proposal A94.
 *
 * @module
 */

import { codeInside } from "../../transport/failure.ts";

const BY_CODE: Readonly<Record<string, string>> = {
  ECONNRESET: "connection reset",
  ETIMEDOUT: "connection timed out",
  ECONNABORTED: "connection aborted",
};

/** Returns why a connection is not used any more; `error` is that with which it closed, undefined if it drains. */
export function disconnectReason(
  connection: { readonly goaway: string | undefined; readonly endedHere: boolean },
  error: Error | undefined,
): string {
  if (connection.goaway !== undefined) return `GOAWAY ${connection.goaway}`;
  if (connection.endedHere) return "subchannel shutdown";
  if (error === undefined) return "unknown";
  if (/No answer to a ping/.test(error.message)) return "connection timed out";
  const code = codeInside(error);
  return code === undefined ? "unknown" : BY_CODE[code] ?? "socket error";
}
