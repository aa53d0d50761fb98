/**
 * The four kinds of failure, never mixed: misuse is a `TypeError` or `RangeError`; a peer that breaks
 * the protocol is a {@link ProtocolError}; a failing socket is a {@link TransportError}; a failing call
 * is an {@link RpcError}. Nobody parses messages.
 *
 * @module
 */

import { Metadata } from "./call/metadata.ts";
import { Status, statusName } from "./call/status.ts";

/** How far a {@link ProtocolError} reaches: one stream, or the whole connection. */
export type ErrorScope = "stream" | "connection";

/** Who broke the rule: the remote peer, or this side (a bug or misuse seen by the engine). */
export type ErrorInitiator = "local" | "remote";

/** A peer broke the rules of the wire (RFC 9113, RFC 7541, gRPC over HTTP/2, or the lean wire). */
export class ProtocolError extends Error {
  /** Tells the class apart without `instanceof`: `ProtocolError`. */
  override readonly name = "ProtocolError";
  /** One stream, or the whole connection. */
  readonly scope: ErrorScope;
  /** The wire's own error code; on HTTP/2, RFC 9113 section 7. */
  readonly code: number;
  /** Who broke the rule. */
  readonly initiator: ErrorInitiator;

  /** Makes an error with the wire's own `code`. */
  constructor(
    scope: ErrorScope,
    code: number,
    message: string,
    initiator: ErrorInitiator = "remote",
  ) {
    super(message);
    this.scope = scope;
    this.code = code;
    this.initiator = initiator;
  }
}

/** A byte stream could not be opened, or broke: refused, reset, timed out, a failed TLS handshake. */
export class TransportError extends Error {
  /** Tells the class apart without `instanceof`: `TransportError`. */
  override readonly name = "TransportError";
  /** The address that was dialled, listened on or connected to, when known. */
  readonly address?: string;

  /** Makes an error; `cause` is the runtime's own error. */
  constructor(message: string, options: { address?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.address = options.address;
  }
}

/** One rich error detail: a `google.protobuf.Any` (type URL and encoded message). */
export interface ErrorDetail {
  /** For example `type.googleapis.com/google.rpc.ErrorInfo`. */
  readonly typeUrl: string;
  /** The encoded message. */
  readonly value: Uint8Array;
}

/** What an {@link RpcError} may carry beyond code and message. */
export interface RpcErrorOptions {
  /** Trailing metadata sent or received with the status. */
  metadata?: Metadata;
  /** Rich details (`grpc-status-details-bin`). */
  details?: readonly ErrorDetail[];
  /** What led to this error; never sent to the peer. */
  cause?: unknown;
}

/** A call that ended with a status other than OK. Throw it in a handler to answer with that status. */
export class RpcError extends Error {
  /** Tells the class apart without `instanceof`: `RpcError`. */
  override readonly name = "RpcError";
  /** One of {@link Status}, never OK. */
  readonly code: Status;
  /** Trailing metadata. */
  readonly metadata: Metadata;
  /** Rich details, in order. */
  readonly details: readonly ErrorDetail[];

  /** Makes an error; `message` is sent to the peer as it is. */
  constructor(code: Status, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.metadata = options.metadata ?? new Metadata();
    this.details = options.details ?? [];
  }

  /** The code's name, for example `NOT_FOUND`. */
  get codeName(): string {
    return statusName(this.code);
  }

  /**
   * Turns anything thrown into an RpcError. An `AbortError` becomes CANCELLED, a `TimeoutError`
   * DEADLINE_EXCEEDED, a {@link TransportError} UNAVAILABLE; all else becomes UNKNOWN with a fixed text,
   * because the text of an unexpected error may hold secrets. The original is kept as `cause`.
   */
  static from(error: unknown): RpcError {
    if (error instanceof RpcError) return error;
    if (error instanceof TransportError) {
      return new RpcError(Status.UNAVAILABLE, error.message, { cause: error });
    }
    if (error instanceof ProtocolError) {
      return new RpcError(Status.INTERNAL, error.message, { cause: error });
    }
    const name = error instanceof Error || error instanceof DOMException ? error.name : "";
    if (name === "AbortError") {
      return new RpcError(Status.CANCELLED, "The call was cancelled", { cause: error });
    }
    if (name === "TimeoutError") {
      return new RpcError(Status.DEADLINE_EXCEEDED, "The deadline was exceeded", { cause: error });
    }
    return new RpcError(Status.UNKNOWN, "The handler failed", { cause: error });
  }
}

/**
 * An RpcError without a stack, for a call that something outside of it has ended: the stack would show engines alone,
 * and take most of the time that it takes to end the calls of a lost connection.
 */
export function errorFromOutside(code: Status, message: string): RpcError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new RpcError(code, message);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
