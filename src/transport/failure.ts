/**
 * {@link TransportError}s for the runtime's errors, with their reason in words.
 *
 * @module
 */

import { isInstance, textOf, toError, TransportError } from "../errors.ts";

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
  const code = (error as { code?: unknown }).code;
  const reason = typeof code === "string" ? REASONS.get(code) : undefined;
  if (reason !== undefined) return reason;
  // Errors of TLS and duplex streams have no code.
  if (error instanceof Deno.errors.ConnectionReset) return "the peer reset the connection";
  if (error instanceof Deno.errors.UnexpectedEof) {
    return "the peer closed the connection unexpectedly";
  }
  if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
    return "it was closed here";
  }
  const osError = /\(os error (\d+)\)/.exec(error.message)?.[1];
  if (osError === "97") return REASONS.get("EAFNOSUPPORT")!;
  if (osError === "19") return REASONS.get("ENODEV")!;
  if (/failed to lookup address information/.test(error.message)) {
    return "the host name cannot be resolved";
  }
  return error.message.replace(/ \(os error \d+\)/, "").replace(/\.$/, "") || error.name;
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
  if (error instanceof Deno.errors.AddrInUse && holder !== undefined) {
    return new TransportError(
      `Cannot listen on ${address}: the address is in use; find the process with: ${holder}`,
      { address, cause: error },
    );
  }
  return transportError("Cannot listen on", address, error);
}
