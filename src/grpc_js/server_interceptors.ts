/**
 * Interceptors of servers.
 *
 * @module
 */

import type { AuthContext } from "./call_interface.ts";
import type { Deadline } from "./deadline.ts";
import type { ServerMethodDefinition } from "./definitions.ts";
import { Metadata } from "./metadata.ts";
import type { PartialStatusObject } from "./status.ts";

/** Passes request metadata on with `next`. */
export type ServerMetadataListener = (
  metadata: Metadata,
  next: (metadata: Metadata) => void,
) => void;

/** Passes a request on with `next`. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type ServerMessageListener = (message: any, next: (message: any) => void) => void;

/** Passes the end of the requests on with `next`. */
export type ServerHalfCloseListener = (next: () => void) => void;

/** Called when the call was cancelled. */
export type ServerCancelListener = () => void;

/** Listener of an interceptor with all its functions. */
export interface FullServerListener {
  /** Called with the request metadata. */
  onReceiveMetadata: ServerMetadataListener;
  /** Called with each request. */
  onReceiveMessage: ServerMessageListener;
  /** Called at the end of the requests. */
  onReceiveHalfClose: ServerHalfCloseListener;
  /** Called when the call was cancelled. */
  onCancel: ServerCancelListener;
}

/** Listener of an interceptor. What is absent passes events on. */
export type ServerListener = Partial<FullServerListener>;

/** Receives the events of a call. */
export interface InterceptingServerListener {
  /** Called with the request metadata. */
  onReceiveMetadata(metadata: Metadata): void;
  /** Called with each request. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  onReceiveMessage(message: any): void;
  /** Called at the end of the requests. */
  onReceiveHalfClose(): void;
  /** Called when the call was cancelled. */
  onCancel(): void;
}

/** Builds a {@link ServerListener} step by step. */
export class ServerListenerBuilder {
  #listener: ServerListener = {};

  /** Sets the function for request metadata. */
  withOnReceiveMetadata(onReceiveMetadata: ServerMetadataListener): this {
    this.#listener.onReceiveMetadata = onReceiveMetadata;
    return this;
  }

  /** Sets the function for requests. */
  withOnReceiveMessage(onReceiveMessage: ServerMessageListener): this {
    this.#listener.onReceiveMessage = onReceiveMessage;
    return this;
  }

  /** Sets the function for the end of the requests. */
  withOnReceiveHalfClose(onReceiveHalfClose: ServerHalfCloseListener): this {
    this.#listener.onReceiveHalfClose = onReceiveHalfClose;
    return this;
  }

  /** Sets the function for cancellation. */
  withOnCancel(onCancel: ServerCancelListener): this {
    this.#listener.onCancel = onCancel;
    return this;
  }

  /** Returns the listener. */
  build(): ServerListener {
    return { ...this.#listener };
  }
}

/** Listener of an interceptor, in front of the next one. It keeps the order of events that are passed on late. */
class ChainedServerListener implements InterceptingServerListener {
  readonly #own: ServerListener;
  readonly #next: InterceptingServerListener;
  #cancelled = false;
  #metadataPending = false;
  #messagePending = false;
  #heldMessage: { message: unknown } | undefined;
  #heldHalfClose = false;

  constructor(own: ServerListener, next: InterceptingServerListener) {
    this.#own = own;
    this.#next = next;
  }

  onReceiveMetadata(metadata: Metadata): void {
    if (this.#cancelled) return;
    this.#metadataPending = true;
    const pass = (passed: Metadata) => {
      this.#metadataPending = false;
      if (this.#cancelled) return;
      this.#next.onReceiveMetadata(passed);
      const held = this.#heldMessage;
      this.#heldMessage = undefined;
      if (held !== undefined) this.#next.onReceiveMessage(held.message);
      this.#passHalfClose();
    };
    if (this.#own.onReceiveMetadata === undefined) pass(metadata);
    else this.#own.onReceiveMetadata(metadata, pass);
  }

  onReceiveMessage(message: unknown): void {
    if (this.#cancelled) return;
    this.#messagePending = true;
    const pass = (passed: unknown) => {
      this.#messagePending = false;
      if (this.#cancelled) return;
      if (this.#metadataPending) {
        this.#heldMessage = { message: passed };
        return;
      }
      this.#next.onReceiveMessage(passed);
      this.#passHalfClose();
    };
    if (this.#own.onReceiveMessage === undefined) pass(message);
    else this.#own.onReceiveMessage(message, pass);
  }

  onReceiveHalfClose(): void {
    if (this.#cancelled) return;
    const pass = () => {
      this.#heldHalfClose = true;
      this.#passHalfClose();
    };
    if (this.#own.onReceiveHalfClose === undefined) pass();
    else this.#own.onReceiveHalfClose(pass);
  }

  #passHalfClose(): void {
    if (!this.#heldHalfClose || this.#metadataPending || this.#messagePending) return;
    this.#heldHalfClose = false;
    if (!this.#cancelled) this.#next.onReceiveHalfClose();
  }

  onCancel(): void {
    this.#cancelled = true;
    this.#own.onCancel?.();
    this.#next.onCancel();
  }
}

/** Starts a call with `next`. */
export type StartResponder = (next: (listener?: ServerListener) => void) => void;

/** Sends response headers with `next`. */
export type MetadataResponder = (
  metadata: Metadata,
  next: (metadata: Metadata) => void,
) => void;

/** Sends a reply with `next`. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type MessageResponder = (message: any, next: (message: any) => void) => void;

/** Sends the status with `next`. */
export type StatusResponder = (
  status: PartialStatusObject,
  next: (status: PartialStatusObject) => void,
) => void;

/** Responder of an interceptor with all its functions. */
export interface FullResponder {
  /** Called at the start of the call. */
  start: StartResponder;
  /** Called with the response headers. */
  sendMetadata: MetadataResponder;
  /** Called with each reply. */
  sendMessage: MessageResponder;
  /** Called with the status. */
  sendStatus: StatusResponder;
}

/** Responder of an interceptor. What is absent passes operations on. */
export type Responder = Partial<FullResponder>;

/** Builds a {@link Responder} step by step. */
export class ResponderBuilder {
  #responder: Responder = {};

  /** Sets the function for the start. */
  withStart(start: StartResponder): this {
    this.#responder.start = start;
    return this;
  }

  /** Sets the function for response headers. */
  withSendMetadata(sendMetadata: MetadataResponder): this {
    this.#responder.sendMetadata = sendMetadata;
    return this;
  }

  /** Sets the function for replies. */
  withSendMessage(sendMessage: MessageResponder): this {
    this.#responder.sendMessage = sendMessage;
    return this;
  }

  /** Sets the function for the status. */
  withSendStatus(sendStatus: StatusResponder): this {
    this.#responder.sendStatus = sendStatus;
    return this;
  }

  /** Returns the responder. */
  build(): Responder {
    return { ...this.#responder };
  }
}

/** Both ends of the connection of a call; undefined where it has no IP address. */
export interface ConnectionInfo {
  /** IP address that the server listens on, which may stand for several. */
  localAddress?: string | undefined;
  /** Port that the server listens on. */
  localPort?: number | undefined;
  /** IP address of the client. */
  remoteAddress?: string | undefined;
  /** Port of the client. */
  remotePort?: number | undefined;
}

/** A call, as an interceptor uses the next one. */
export interface ServerInterceptingCallInterface {
  /** Starts the call: its events go to `listener`. */
  start(listener: InterceptingServerListener): void;
  /** Sends response headers. */
  sendMetadata(metadata: Metadata): void;
  /** Sends a reply; calls `callback` when the next one should be sent. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  sendMessage(message: any, callback: () => void): void;
  /** Ends the call. */
  sendStatus(status: PartialStatusObject): void;
  /** Asks for one more request, or the end of the requests. */
  startRead(): void;
  /** Returns the address of the client. */
  getPeer(): string;
  /** Returns the deadline; Infinity for none. */
  getDeadline(): Deadline;
  /** Returns the host that the client addressed. */
  getHost(): string;
  /** Returns the identity of the client. */
  getAuthContext(): AuthContext;
  /** Returns both ends of the connection. */
  getConnectionInfo(): ConnectionInfo;
}

/** Call of an interceptor, around the next one. It keeps the order of operations that are passed on late. */
export class ServerInterceptingCall implements ServerInterceptingCallInterface {
  readonly #next: ServerInterceptingCallInterface;
  readonly #responder: Responder;
  #metadataSent = false;
  #metadataPending = false;
  #messagePending = false;
  #heldMessage: { message: unknown; callback: () => void } | undefined;
  #heldStatus: PartialStatusObject | undefined;

  /** Wraps `nextCall`. Default of `responder`: passes everything on. */
  constructor(nextCall: ServerInterceptingCallInterface, responder?: Responder) {
    this.#next = nextCall;
    this.#responder = responder ?? {};
  }

  /** Starts the call: its events go to `listener`. */
  start(listener: InterceptingServerListener): void {
    const pass = (own?: ServerListener) =>
      this.#next.start(new ChainedServerListener(own ?? {}, listener));
    if (this.#responder.start === undefined) pass();
    else this.#responder.start(pass);
  }

  /** Sends response headers. */
  sendMetadata(metadata: Metadata): void {
    this.#metadataSent = true;
    this.#metadataPending = true;
    const pass = (passed: Metadata) => {
      this.#metadataPending = false;
      this.#next.sendMetadata(passed);
      const held = this.#heldMessage;
      this.#heldMessage = undefined;
      if (held !== undefined) this.#next.sendMessage(held.message, held.callback);
      this.#passStatus();
    };
    if (this.#responder.sendMetadata === undefined) pass(metadata);
    else this.#responder.sendMetadata(metadata, pass);
  }

  /** Sends a reply; calls `callback` when the next one should be sent. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  sendMessage(message: any, callback: () => void): void {
    this.#messagePending = true;
    // Interceptors see headers before the first reply.
    if (!this.#metadataSent) this.sendMetadata(new Metadata());
    const pass = (passed: unknown) => {
      this.#messagePending = false;
      if (this.#metadataPending) {
        this.#heldMessage = { message: passed, callback };
        return;
      }
      this.#next.sendMessage(passed, callback);
      this.#passStatus();
    };
    if (this.#responder.sendMessage === undefined) pass(message);
    else this.#responder.sendMessage(message, pass);
  }

  /** Ends the call. */
  sendStatus(status: PartialStatusObject): void {
    const pass = (passed: PartialStatusObject) => {
      this.#heldStatus = passed;
      this.#passStatus();
    };
    if (this.#responder.sendStatus === undefined) pass(status);
    else this.#responder.sendStatus(status, pass);
  }

  #passStatus(): void {
    const held = this.#heldStatus;
    if (held === undefined || this.#metadataPending || this.#messagePending) return;
    this.#heldStatus = undefined;
    this.#next.sendStatus(held);
  }

  /** Asks for one more request, or the end of the requests. */
  startRead(): void {
    this.#next.startRead();
  }

  /** Returns the address of the client. */
  getPeer(): string {
    return this.#next.getPeer();
  }

  /** Returns the deadline; Infinity for none. */
  getDeadline(): Deadline {
    return this.#next.getDeadline();
  }

  /** Returns the host that the client addressed. */
  getHost(): string {
    return this.#next.getHost();
  }

  /** Returns the identity of the client. */
  getAuthContext(): AuthContext {
    return this.#next.getAuthContext();
  }

  /** Returns both ends of the connection. */
  getConnectionInfo(): ConnectionInfo {
    return this.#next.getConnectionInfo();
  }
}

/** Wraps the calls of a server. The last of a list is the outermost. */
export type ServerInterceptor = (
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  methodDescriptor: ServerMethodDefinition<any, any>,
  call: ServerInterceptingCallInterface,
) => ServerInterceptingCall;
