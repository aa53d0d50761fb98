/**
 * What handlers of a server get: an event emitter or streams, with the interface of grpc-js.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { Duplex, Writable } from "node:stream";
import type { AuthContext } from "./call_interface.ts";
import { Status } from "./constants.ts";
import type { Deadline } from "./deadline.ts";
import { Metadata } from "./metadata.ts";
import type { ServerInterceptingCallInterface } from "./server_interceptors.ts";
import {
  type PartialStatusObject,
  type ServerErrorResponse,
  serverErrorToStatus,
  type ServerStatusResponse,
} from "./status.ts";
import type { ObjectReadable, ObjectWritable } from "./streams.ts";

/** What all calls of a server have. */
export interface ServerSurfaceCallFunctions {
  /** Whether the call was cancelled, or its deadline has passed. */
  cancelled: boolean;
  /** Request metadata. */
  readonly metadata: Metadata;
  /** Returns the address of the client. */
  getPeer(): string;
  /** Sends response headers now instead of with the first reply. */
  sendMetadata(responseMetadata: Metadata): void;
  /** Returns the deadline; Infinity for none. */
  getDeadline(): Deadline;
  /** Returns the path of the method. */
  getPath(): string;
  /** Returns the host that the client addressed. */
  getHost(): string;
  /** Returns the identity of the client. */
  getAuthContext(): AuthContext;
}

/** Call of a server with the event `cancelled`. */
export type ServerSurfaceCall = ServerSurfaceCallFunctions & EventEmitter;

/** Call with one request and one reply. */
export type ServerUnaryCall<RequestType, ResponseType> = ServerSurfaceCall & {
  /** The request. */
  request: RequestType;
};

/** Call with a stream of requests. */
export type ServerReadableStream<RequestType, ResponseType> =
  & ServerSurfaceCall
  & ObjectReadable<RequestType>;

/** Call with a stream of replies. */
export type ServerWritableStream<RequestType, ResponseType> =
  & ServerSurfaceCall
  & ObjectWritable<ResponseType>
  & {
    /** The request. */
    request: RequestType;
    /** Ends the call with OK after the written replies. */
    end: (metadata?: Metadata) => void;
  };

/** Call with streams both ways. */
export type ServerDuplexStream<RequestType, ResponseType> =
  & ServerSurfaceCall
  & ObjectReadable<RequestType>
  & ObjectWritable<ResponseType>
  & {
    /** Ends the call with OK after the written replies. */
    end: (metadata?: Metadata) => void;
  };

/** Ends a call with one reply. */
export type sendUnaryData<ResponseType> = (
  error: ServerErrorResponse | ServerStatusResponse | null,
  value?: ResponseType | null,
  trailer?: Metadata,
  flags?: number,
) => void;

/** Handles a call with one request and one reply. */
export type handleUnaryCall<RequestType, ResponseType> = (
  call: ServerUnaryCall<RequestType, ResponseType>,
  callback: sendUnaryData<ResponseType>,
) => void;

/** Handles a call with a stream of requests. */
export type handleClientStreamingCall<RequestType, ResponseType> = (
  call: ServerReadableStream<RequestType, ResponseType>,
  callback: sendUnaryData<ResponseType>,
) => void;

/** Handles a call with a stream of replies. */
export type handleServerStreamingCall<RequestType, ResponseType> = (
  call: ServerWritableStream<RequestType, ResponseType>,
) => void;

/** Handles a call with streams both ways. */
export type handleBidiStreamingCall<RequestType, ResponseType> = (
  call: ServerDuplexStream<RequestType, ResponseType>,
) => void;

/** Handles calls of one of the kinds. */
export type HandleCall<RequestType, ResponseType> =
  | handleUnaryCall<RequestType, ResponseType>
  | handleClientStreamingCall<RequestType, ResponseType>
  | handleServerStreamingCall<RequestType, ResponseType>
  | handleBidiStreamingCall<RequestType, ResponseType>;

/** Handles calls of any kind. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type UntypedHandleCall = HandleCall<any, any>;

/** Handlers by the names of their methods. */
export interface UntypedServiceImplementation {
  /** Handler of the method with this name. */
  [name: string]: UntypedHandleCall;
}

const OK: PartialStatusObject = { code: Status.OK, details: "OK" };

/** Unary call of a server behind interceptors. */
export class ServerUnaryCallImpl<RequestType> extends EventEmitter
  implements ServerSurfaceCallFunctions {
  cancelled = false;
  readonly #path: string;
  readonly #call: ServerInterceptingCallInterface;

  constructor(
    path: string,
    call: ServerInterceptingCallInterface,
    public metadata: Metadata,
    public request: RequestType,
  ) {
    super();
    this.#path = path;
    this.#call = call;
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  sendMetadata(responseMetadata: Metadata): void {
    this.#call.sendMetadata(responseMetadata);
  }

  getDeadline(): Deadline {
    return this.#call.getDeadline();
  }

  getPath(): string {
    return this.#path;
  }

  getHost(): string {
    return this.#call.getHost();
  }

  getAuthContext(): AuthContext {
    return this.#call.getAuthContext();
  }
}

/** Status that a stream of replies ends with: OK with the trailers of `end`, unless an error event came before. */
class ReplyEnd {
  trailers = new Metadata();
  status = OK;

  send(call: ServerInterceptingCallInterface): void {
    const { status } = this;
    call.sendStatus({ ...status, metadata: status.metadata ?? this.trailers });
  }

  /** Ends the call of a stream on which `error` was emitted. */
  fail(error: ServerErrorResponse, stream: Writable, call: ServerInterceptingCallInterface): void {
    this.status = serverErrorToStatus(error);
    // A destroyed stream has no end any more.
    if (stream.destroyed) this.send(call);
    else stream.end();
  }
}

/** Call of a server with a stream of replies. */
export class ServerWritableStreamImpl<RequestType> extends Writable
  implements ServerSurfaceCallFunctions {
  cancelled = false;
  readonly #path: string;
  readonly #call: ServerInterceptingCallInterface;
  readonly #end = new ReplyEnd();

  constructor(
    path: string,
    call: ServerInterceptingCallInterface,
    public metadata: Metadata,
    public request: RequestType,
  ) {
    super({ objectMode: true });
    this.#path = path;
    this.#call = call;
    this.on("error", (error: ServerErrorResponse) => this.#end.fail(error, this, call));
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  sendMetadata(responseMetadata: Metadata): void {
    this.#call.sendMetadata(responseMetadata);
  }

  getDeadline(): Deadline {
    return this.#call.getDeadline();
  }

  getPath(): string {
    return this.#path;
  }

  getHost(): string {
    return this.#call.getHost();
  }

  getAuthContext(): AuthContext {
    return this.#call.getAuthContext();
  }

  override _write(message: unknown, _encoding: string, callback: () => void): void {
    this.#call.sendMessage(message, callback);
  }

  override _final(callback: () => void): void {
    callback();
    this.#end.send(this.#call);
  }

  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  override end(trailers?: any): this {
    if (trailers) this.#end.trailers = trailers;
    return super.end();
  }
}

/** Call of a server with a stream of requests, and with a stream of replies if its method has one. */
export class ServerDuplexStreamImpl extends Duplex implements ServerSurfaceCallFunctions {
  cancelled = false;
  readonly #path: string;
  readonly #call: ServerInterceptingCallInterface;
  readonly #end = new ReplyEnd();

  constructor(
    path: string,
    call: ServerInterceptingCallInterface,
    public metadata: Metadata,
  ) {
    super({ objectMode: true });
    this.#path = path;
    this.#call = call;
    this.on("error", (error: ServerErrorResponse) => this.#end.fail(error, this, call));
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  sendMetadata(responseMetadata: Metadata): void {
    this.#call.sendMetadata(responseMetadata);
  }

  getDeadline(): Deadline {
    return this.#call.getDeadline();
  }

  getPath(): string {
    return this.#path;
  }

  getHost(): string {
    return this.#call.getHost();
  }

  getAuthContext(): AuthContext {
    return this.#call.getAuthContext();
  }

  override _read(): void {
    this.#call.startRead();
  }

  override _write(message: unknown, _encoding: string, callback: () => void): void {
    this.#call.sendMessage(message, callback);
  }

  override _final(callback: () => void): void {
    callback();
    this.#end.send(this.#call);
  }

  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  override end(trailers?: any): this {
    if (trailers) this.#end.trailers = trailers;
    return super.end();
  }
}
