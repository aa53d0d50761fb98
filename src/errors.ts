/**
 * Kinds of failure: misuse is a `TypeError` or `RangeError`, a violation of the protocol by the peer is a
 * {@link ProtocolError}, a failing socket is a {@link TransportError}, a failing call is an {@link RpcError}. Their
 * messages are for people; programs use the classes and codes.
 *
 * @module
 */

import { Metadata } from "./call/metadata.ts";
import { textOfValue } from "./call/printable.ts";
import { Status, statusName } from "./call/status.ts";

/** Returns the text of a thrown value: the message of an Error, any other value converted to a string. Never throws. */
export function textOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error && typeof thrown.message === "string") return thrown.message;
  } catch {
    // The value is a Proxy whose traps throw, or an error whose fields do.
  }
  return textOfValue(thrown);
}

/**
 * Converts a thrown value to an Error: returns an Error with a readable message unchanged, otherwise makes one with the
 * value's text as message. Never throws.
 */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === "string") return thrown;
  } catch {
    // The value is a Proxy whose traps throw.
  }
  return new Error(textOf(thrown), { cause: thrown });
}

/** Like `instanceof`, but false for a Proxy whose traps throw. */
export function isInstance<T>(
  value: unknown,
  type: abstract new (...args: never[]) => T,
): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Reach of a {@link ProtocolError}: one stream, or the whole connection. */
export type ErrorScope = "stream" | "connection";

/** Violation of a wire's rules by the peer (RFC 9113, RFC 7541, gRPC over HTTP/2, or the lean wire). */
export class ProtocolError extends Error {
  /** `ProtocolError`: identifies the class without `instanceof`. */
  override readonly name = "ProtocolError";
  /** What the violation ends: one stream, or the whole connection. */
  readonly scope: ErrorScope;
  /** Error code of the wire; on HTTP/2, RFC 9113 §7. */
  readonly code: number;

  /** Makes an error with an error code of the wire. */
  constructor(scope: ErrorScope, code: number, message: string) {
    super(message);
    this.scope = scope;
    this.code = code;
  }
}

/** Failure to open or keep a byte stream: refused, reset, timed out, a failed TLS handshake. */
export class TransportError extends Error {
  /** `TransportError`: identifies the class without `instanceof`. */
  override readonly name = "TransportError";
  /** Address that was dialled or listened on, when known. */
  readonly address?: string;

  /** Makes an error; `cause` is the runtime's error. */
  constructor(message: string, options: { address?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.address = options.address;
  }
}

/**
 * Error detail of a status: a `google.protobuf.Any` (type URL and encoded message).
 *
 * @category Errors
 */
export interface ErrorDetail {
  /** Type URL, for example `type.googleapis.com/google.rpc.ErrorInfo`. */
  readonly typeUrl: string;
  /** Encoded message. */
  readonly value: Uint8Array;
}

/**
 * Optional contents of an {@link RpcError}.
 *
 * @category Errors
 */
export interface RpcErrorOptions {
  /** Trailing metadata sent or received with the status. */
  metadata?: Metadata;
  /** Error details (`grpc-status-details-bin`). */
  details?: readonly ErrorDetail[];
  /** Cause of this error; never sent to the peer. */
  cause?: unknown;
}

/**
 * Status of a call that failed. Throw it in a handler to end the call with that status.
 *
 * ```ts
 * import { connect, RpcError, serve, Status } from "@vrpc/vrpc";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   router.method("/order", {}, () => {
 *     throw new RpcError(Status.NOT_FOUND, "There is no order 17");
 *   });
 * });
 * await using channel = connect("127.0.0.1:50051");
 * try {
 *   await channel.call("/order", new Uint8Array());
 * } catch (error) {
 *   if (error instanceof RpcError && error.code === Status.NOT_FOUND) console.log(error.message);
 * }
 * ```
 *
 * @category Errors
 */
export class RpcError extends Error {
  /** `RpcError`: identifies the class without `instanceof`. */
  override readonly name = "RpcError";
  /** One of {@link Status}, never OK. */
  readonly code: Status;
  /** Trailing metadata. */
  readonly metadata: Metadata;
  /** Error details, in order. */
  readonly details: readonly ErrorDetail[];
  /** Path of the method, on an error that a client's call ended with; undefined on any other. */
  declare readonly method?: string;
  /**
   * Address of the server that the call was sent to, or the channel's target if the call had no connection; undefined on
   * errors that no client's call ended with.
   */
  declare readonly address?: string;

  /** Makes an error; `message` is sent to the peer unchanged. */
  constructor(code: Status, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.metadata = options.metadata ?? new Metadata();
    this.details = options.details ?? [];
  }

  /** Name of the code, for example `NOT_FOUND`. */
  get codeName(): string {
    return statusName(this.code);
  }

  /**
   * Returns the text of the error; on one that a client's call ended with, code, method and address stand before the
   * message: `NOT_FOUND (5) /shop.Orders/Get at 127.0.0.1:50051: no order 17`.
   */
  override toString(): string {
    const { method, address, code, message } = this;
    const text = textOf(message);
    if (method === undefined) return text === "" ? this.name : `${this.name}: ${text}`;
    const where = address === undefined ? "" : ` at ${address}`;
    return `${statusName(code)} (${textOf(code)}) ${method}${where}${
      text === "" ? "" : `: ${text}`
    }`;
  }

  /**
   * Converts anything thrown to an RpcError: an `AbortError` to CANCELLED, a `TimeoutError` to DEADLINE_EXCEEDED, a
   * {@link TransportError} to UNAVAILABLE, a {@link ProtocolError} to INTERNAL. Any other exception becomes UNKNOWN with
   * a generic message, because its text may contain secrets. The original is kept as `cause`.
   */
  static from(error: unknown): RpcError {
    if (isInstance(error, RpcError)) return error;
    if (isInstance(error, TransportError)) {
      return new RpcError(Status.UNAVAILABLE, textOf(error), { cause: error });
    }
    if (isInstance(error, ProtocolError)) {
      return new RpcError(Status.INTERNAL, textOf(error), { cause: error });
    }
    const name = nameOf(error);
    if (name === "AbortError") {
      return new RpcError(Status.CANCELLED, "The call was cancelled", { cause: error });
    }
    if (name === "TimeoutError") {
      return new RpcError(Status.DEADLINE_EXCEEDED, "The deadline was exceeded", { cause: error });
    }
    return new RpcError(Status.UNKNOWN, "The handler failed", { cause: error });
  }
}

/** Makes the error of a call whose deadline has passed, with the same text on client and server. */
export function deadlineExceeded(): RpcError {
  return new RpcError(Status.DEADLINE_EXCEEDED, "The deadline passed before the call was complete");
}

function nameOf(error: unknown): unknown {
  try {
    return error instanceof Error ? error.name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes an RpcError without a stack, for a call that ends for an outside reason, such as a lost connection. The stack
 * would show only engine code, and capturing it is most of the cost of ending such calls.
 */
export function errorFromOutside(
  code: Status,
  message: string,
  options?: RpcErrorOptions,
): RpcError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new RpcError(code, message, options);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
