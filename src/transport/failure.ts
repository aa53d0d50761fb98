/**
 * {@link TransportError}s for the runtime's errors, with their reason in words.
 *
 * @module
 */

import { isInstance, textOf, toError, TransportError } from "../errors.ts";
import { runtime } from "../runtime/mod.ts";

const REASONS = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "the peer reset the connection"],
  ["ECONNABORTED", "the connection was aborted"],
  ["EPIPE", "the peer has closed the connection"],
  ["ETIMEDOUT", "the network did not answer"],
  ["EHOSTUNREACH", "the host cannot be reached"],
  ["ENETUNREACH", "the network cannot be reached"],
  ["EADDRNOTAVAIL", "this machine has no such address"],
  ["EADDRINUSE", "the address is in use"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EMFILE", "this process has too many open files (see ulimit -n)"],
  ["ENFILE", "this machine has too many open files"],
  ["EAFNOSUPPORT", "this kernel does not support the address family"],
  ["ENODEV", "this machine has no such device"],
  ["ENOTFOUND", "the host name cannot be resolved"],
  ["EOF", "the peer closed the connection unexpectedly"],
  ["EBADF", "it was closed here"],
  ["EINTR", "it was closed here"],
]);

/** Describes an error in a few words, without a final period. Never throws. */
export function reasonOf(error: unknown): string {
  try {
    return toError(error) === error ? reasonOfError(error as Error) : textOf(error);
  } catch {
    // A Proxy of an error, with traps that throw.
    return textOf(error);
  }
}

function reasonOfError(error: Error): string {
  const reason = REASONS.get(runtime.errorCode(error) ?? "");
  if (reason !== undefined) return reason;
  return error.message.replace(/ \(os error \d+\)/, "").replace(/\.$/, "") || error.name;
}

/** Returns an error with the code that an error of the runtime would have. */
export function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Returns the code of an error of the runtime, or of one among its causes; undefined without one. */
export function codeInside(error: Error): string | undefined {
  for (let cause: unknown = error; isInstance(cause, Error); cause = cause.cause) {
    const code = runtime.errorCode(cause);
    if (code !== undefined) return code;
  }
  return undefined;
}

/** Wraps an error as a TransportError of `address`, unless it is one already. */
export function transportError(what: string, address: string, error: unknown): TransportError {
  if (isInstance(error, TransportError)) return error;
  return new TransportError(`${what} ${address}: ${reasonOf(error)}`, { address, cause: error });
}

/** Error of a dial to `address`. */
export function connectError(address: string, error: unknown): TransportError {
  return transportError("Cannot connect to", address, error);
}

/** Error of a listen on `address`; `holder` is a command that shows which process uses the address. */
export function listenError(address: string, error: unknown, holder?: string): TransportError {
  if (runtime.errorCode(error) === "EADDRINUSE" && holder !== undefined) {
    return new TransportError(
      `Cannot listen on ${address}: the address is in use; find the process with: ${holder}`,
      { address, cause: error },
    );
  }
  return transportError("Cannot listen on", address, error);
}
