/**
 * What calls of a client return: an event emitter or streams, with the interface of grpc-js.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { Duplex, Readable, Writable } from "node:stream";
import type { AuthContext } from "./call_interface.ts";
import type { InterceptingCallInterface } from "./client_interceptors.ts";
import { Status } from "./constants.ts";
import type { ObjectReadable, ObjectWritable } from "./streams.ts";

/** Functions that all calls have. */
export interface SurfaceCallFunctions {
  /** The call behind the interceptors. */
  call?: InterceptingCallInterface;
  /** Ends the call with CANCELLED. */
  cancel(): void;
  /** Returns the address of the server, or the target before there is a connection. */
  getPeer(): string;
  /** Returns the identity of the server; null before there is a connection. */
  getAuthContext(): AuthContext | null;
}

/** Call with events `metadata` and `status`. */
export type SurfaceCall = SurfaceCallFunctions & EventEmitter;

/** Call with one request and one reply. */
export type ClientUnaryCall = SurfaceCall;

/** Call with a stream of replies. */
export type ClientReadableStream<ResponseType> =
  & {
    /** Decodes replies. */
    deserialize: (chunk: Buffer) => ResponseType;
  }
  & SurfaceCall
  & ObjectReadable<ResponseType>;

/** Call with a stream of requests. */
export type ClientWritableStream<RequestType> =
  & {
    /** Encodes requests. */
    serialize: (value: RequestType) => Buffer;
  }
  & SurfaceCall
  & ObjectWritable<RequestType>;

/** Call with streams both ways. */
export type ClientDuplexStream<RequestType, ResponseType> =
  & ClientWritableStream<RequestType>
  & ClientReadableStream<ResponseType>;

const CANCELLED = "Cancelled on client";

function writeTo(
  call: InterceptingCallInterface | undefined,
  message: unknown,
  encoding: string,
  callback: (error?: Error | null) => void,
): void {
  // grpc-js takes the flags of a message in place of its encoding.
  const flags = Number(encoding);
  call?.sendMessageWithContext(Number.isNaN(flags) ? { callback } : { callback, flags }, message);
}

/** Unary call of a client. */
export class ClientUnaryCallImpl extends EventEmitter implements SurfaceCallFunctions {
  call?: InterceptingCallInterface;

  cancel(): void {
    this.call?.cancelWithStatus(Status.CANCELLED, CANCELLED);
  }

  getPeer(): string {
    return this.call?.getPeer() ?? "unknown";
  }

  getAuthContext(): AuthContext | null {
    return this.call?.getAuthContext() ?? null;
  }
}

/** Call of a client with a stream of replies. */
export class ClientReadableStreamImpl<ResponseType> extends Readable
  implements SurfaceCallFunctions {
  call?: InterceptingCallInterface;

  constructor(readonly deserialize: (chunk: Buffer) => ResponseType) {
    super({ objectMode: true });
  }

  cancel(): void {
    this.call?.cancelWithStatus(Status.CANCELLED, CANCELLED);
  }

  getPeer(): string {
    return this.call?.getPeer() ?? "unknown";
  }

  getAuthContext(): AuthContext | null {
    return this.call?.getAuthContext() ?? null;
  }

  override _read(): void {
    this.call?.startRead();
  }
}

/** Call of a client with a stream of requests. */
export class ClientWritableStreamImpl<RequestType> extends Writable
  implements SurfaceCallFunctions {
  call?: InterceptingCallInterface;

  constructor(readonly serialize: (value: RequestType) => Buffer) {
    super({ objectMode: true });
  }

  cancel(): void {
    this.call?.cancelWithStatus(Status.CANCELLED, CANCELLED);
  }

  getPeer(): string {
    return this.call?.getPeer() ?? "unknown";
  }

  getAuthContext(): AuthContext | null {
    return this.call?.getAuthContext() ?? null;
  }

  override _write(
    message: RequestType,
    encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    writeTo(this.call, message, encoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.call?.halfClose();
    callback();
  }
}

/** Call of a client with streams both ways. */
export class ClientDuplexStreamImpl<RequestType, ResponseType> extends Duplex
  implements SurfaceCallFunctions {
  call?: InterceptingCallInterface;

  constructor(
    readonly serialize: (value: RequestType) => Buffer,
    readonly deserialize: (chunk: Buffer) => ResponseType,
  ) {
    super({ objectMode: true });
  }

  cancel(): void {
    this.call?.cancelWithStatus(Status.CANCELLED, CANCELLED);
  }

  getPeer(): string {
    return this.call?.getPeer() ?? "unknown";
  }

  getAuthContext(): AuthContext | null {
    return this.call?.getAuthContext() ?? null;
  }

  override _read(): void {
    this.call?.startRead();
  }

  override _write(
    message: RequestType,
    encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    writeTo(this.call, message, encoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.call?.halfClose();
    callback();
  }
}
