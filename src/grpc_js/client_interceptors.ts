/**
 * Interceptors of clients.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { kindOf } from "../rpc/core/definitions.ts";
import { textOf } from "../errors.ts";
import type { CallCredentials } from "./call_credentials.ts";
import type { ChannelInterface } from "./channel.ts";
import type { AuthContext, Call, MessageContext, ParentCall } from "./call_interface.ts";
import { Status } from "./constants.ts";
import type { Deadline } from "./deadline.ts";
import type { ClientMethodDefinition } from "./definitions.ts";
import { ChainedListener, type InterceptingListener, isInterceptingListener } from "./listener.ts";
import type { Listener } from "./listener.ts";
import { Metadata } from "./metadata.ts";
import type { StatusObject } from "./status.ts";

/** Interceptors and providers were given at once. */
export class InterceptorConfigurationError extends Error {
  /** Makes an error. */
  constructor(message: string) {
    super(message);
    this.name = "InterceptorConfigurationError";
  }
}

/** Starts a call with `next`. */
export type MetadataRequester = (
  metadata: Metadata,
  listener: InterceptingListener,
  next: (metadata: Metadata, listener: InterceptingListener | Listener) => void,
) => void;

/** Sends a message with `next`. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type MessageRequester = (message: any, next: (message: any) => void) => void;

/** Ends the requests with `next`. */
export type CloseRequester = (next: () => void) => void;

/** Cancels the call with `next`. */
export type CancelRequester = (next: () => void) => void;

/** Requester of an interceptor with all its functions. */
export interface FullRequester {
  /** Called at the start of the call. */
  start: MetadataRequester;
  /** Called with each message. */
  sendMessage: MessageRequester;
  /** Called at the end of the requests. */
  halfClose: CloseRequester;
  /** Called when the caller cancels. */
  cancel: CancelRequester;
}

/** Requester of an interceptor. What is absent passes operations on. */
export type Requester = Partial<FullRequester>;

/** Builds a {@link Requester} step by step. */
export class RequesterBuilder {
  #requester: Requester = {};

  /** Sets the function for the start. */
  withStart(start: MetadataRequester): this {
    this.#requester.start = start;
    return this;
  }

  /** Sets the function for messages. */
  withSendMessage(sendMessage: MessageRequester): this {
    this.#requester.sendMessage = sendMessage;
    return this;
  }

  /** Sets the function for the end of the requests. */
  withHalfClose(halfClose: CloseRequester): this {
    this.#requester.halfClose = halfClose;
    return this;
  }

  /** Sets the function for cancellation. */
  withCancel(cancel: CancelRequester): this {
    this.#requester.cancel = cancel;
    return this;
  }

  /** Returns the requester. */
  build(): Requester {
    return { ...this.#requester };
  }
}

/** Options of a call. */
export interface CallOptions {
  /** Deadline. Default none. */
  deadline?: Deadline;
  /** The `:authority` of the call. Default the channel's. */
  host?: string;
  /** Call on a server from which this one inherits. */
  parent?: ParentCall;
  /** What is inherited: bits of `propagate`. Default all. */
  propagate_flags?: number;
  /** Credentials of the call. */
  credentials?: CallCredentials;
  /** Interceptors of the call, in place of the client's. */
  interceptors?: Interceptor[];
  /** Providers of interceptors, in place of the client's. */
  interceptor_providers?: InterceptorProvider[];
}

/** Options of a call as interceptors get them. */
export interface InterceptorOptions extends CallOptions {
  /** The called method. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  method_definition: ClientMethodDefinition<any, any>;
}

/** A call, as an interceptor uses the next one. */
export interface InterceptingCallInterface {
  /** Ends the call with a status. */
  cancelWithStatus(status: Status, details: string): void;
  /** Returns the address of the server, or the target before there is a connection. */
  getPeer(): string;
  /** Starts the call. */
  start(metadata: Metadata, listener?: Partial<InterceptingListener>): void;
  /** Sends a message. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  sendMessageWithContext(context: MessageContext, message: any): void;
  /** Sends a message. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  sendMessage(message: any): void;
  /** Asks for one more reply. */
  startRead(): void;
  /** Ends the requests. */
  halfClose(): void;
  /** Returns the identity of the server; null before there is a connection. */
  getAuthContext(): AuthContext | null;
}

/** Makes the next call of a chain. */
export type NextCall = (options: InterceptorOptions) => InterceptingCallInterface;

/** Wraps the calls of a client. */
export type Interceptor = (options: InterceptorOptions, nextCall: NextCall) => InterceptingCall;

/** Returns the interceptor of a method. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type InterceptorProvider = (method: ClientMethodDefinition<any, any>) => Interceptor;

/** Call of an interceptor, around the next one. It keeps the order of operations that are passed on late. */
export class InterceptingCall implements InterceptingCallInterface {
  readonly #next: InterceptingCallInterface;
  readonly #requester: Requester;
  #startPending = false;
  #messagePending = false;
  #heldMessage: { context: MessageContext; message: unknown } | undefined;
  #heldHalfClose = false;

  /** Wraps `nextCall`. Default of `requester`: passes everything on. */
  constructor(nextCall: InterceptingCallInterface, requester?: Requester) {
    this.#next = nextCall;
    this.#requester = requester ?? {};
  }

  /** Ends the call with a status. */
  cancelWithStatus(status: Status, details: string): void {
    const pass = () => this.#next.cancelWithStatus(status, details);
    if (this.#requester.cancel === undefined) pass();
    else this.#requester.cancel(pass);
  }

  /** Returns the address of the server, or the target before there is a connection. */
  getPeer(): string {
    return this.#next.getPeer();
  }

  /** Starts the call. */
  start(metadata: Metadata, listener?: Partial<InterceptingListener>): void {
    const caller: InterceptingListener = {
      onReceiveMetadata: (received) => listener?.onReceiveMetadata?.(received),
      onReceiveMessage: (message) => listener?.onReceiveMessage?.(message),
      onReceiveStatus: (status) => listener?.onReceiveStatus?.(status),
    };
    if (this.#requester.start === undefined) return this.#next.start(metadata, caller);
    this.#startPending = true;
    this.#requester.start(metadata, caller, (passed, own) => {
      this.#startPending = false;
      this.#next.start(
        passed,
        isInterceptingListener(own) ? own : new ChainedListener(own, caller),
      );
      const held = this.#heldMessage;
      this.#heldMessage = undefined;
      if (held !== undefined) this.#next.sendMessageWithContext(held.context, held.message);
      this.#passHalfClose();
    });
  }

  /** Sends a message. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  sendMessageWithContext(context: MessageContext, message: any): void {
    this.#messagePending = true;
    const pass = (passed: unknown) => {
      this.#messagePending = false;
      if (this.#startPending) {
        this.#heldMessage = { context, message: passed };
        return;
      }
      this.#next.sendMessageWithContext(context, passed);
      this.#passHalfClose();
    };
    if (this.#requester.sendMessage === undefined) pass(message);
    else this.#requester.sendMessage(message, pass);
  }

  /** Sends a message. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  sendMessage(message: any): void {
    this.sendMessageWithContext({}, message);
  }

  /** Asks for one more reply. */
  startRead(): void {
    this.#next.startRead();
  }

  /** Ends the requests. */
  halfClose(): void {
    const pass = () => {
      this.#heldHalfClose = true;
      this.#passHalfClose();
    };
    if (this.#requester.halfClose === undefined) pass();
    else this.#requester.halfClose(pass);
  }

  #passHalfClose(): void {
    if (!this.#heldHalfClose || this.#startPending || this.#messagePending) return;
    this.#heldHalfClose = false;
    this.#next.halfClose();
  }

  /** Returns the identity of the server; null before there is a connection. */
  getAuthContext(): AuthContext | null {
    return this.#next.getAuthContext();
  }
}

/** Call at the end of the chain: encodes requests and decodes replies. */
class EncodingCall implements InterceptingCallInterface {
  readonly #call: Call;
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  readonly #method: ClientMethodDefinition<any, any>;

  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  constructor(call: Call, method: ClientMethodDefinition<any, any>) {
    this.#call = call;
    this.#method = method;
  }

  cancelWithStatus(status: Status, details: string): void {
    this.#call.cancelWithStatus(status, details);
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  sendMessageWithContext(context: MessageContext, message: unknown): void {
    let encoded: Buffer;
    try {
      encoded = this.#method.requestSerialize(message);
    } catch (error) {
      const text = `Request message serialization failure: ${textOf(error)}`;
      return this.#call.cancelWithStatus(Status.INTERNAL, text);
    }
    this.#call.sendMessageWithContext(context, encoded);
  }

  sendMessage(message: unknown): void {
    this.sendMessageWithContext({}, message);
  }

  start(metadata: Metadata, listener?: Partial<InterceptingListener>): void {
    let failure: StatusObject | undefined;
    let received = false;
    const single = !this.#method.responseStream;
    this.#call.start(metadata, {
      onReceiveMetadata: (headers) => listener?.onReceiveMetadata?.(headers),
      onReceiveMessage: (message) => {
        let decoded: unknown;
        try {
          decoded = this.#method.responseDeserialize(message);
        } catch (error) {
          const details = `Response message parsing error: ${textOf(error)}`;
          failure = { code: Status.INTERNAL, details, metadata: new Metadata() };
          return this.#call.cancelWithStatus(failure.code, details);
        }
        received = true;
        listener?.onReceiveMessage?.(decoded);
      },
      onReceiveStatus: (status) => {
        // Interceptors of a single reply see one in any case.
        if (single && !received) listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.(failure ?? status);
      },
    });
    if (single) this.#call.startRead();
  }

  startRead(): void {
    this.#call.startRead();
  }

  halfClose(): void {
    this.#call.halfClose();
  }

  getAuthContext(): AuthContext | null {
    return this.#call.getAuthContext();
  }
}

/** Interceptors of a client and of one of its calls. */
export interface InterceptorArguments {
  readonly clientInterceptors: Interceptor[];
  readonly clientInterceptorProviders: InterceptorProvider[];
  readonly callInterceptors: Interceptor[];
  readonly callInterceptorProviders: InterceptorProvider[];
}

/** Makes a call through the interceptors that apply: the call's own, or else the client's. */
export function getInterceptingCall(
  given: InterceptorArguments,
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  method: ClientMethodDefinition<any, any>,
  options: CallOptions,
  channel: ChannelInterface,
): InterceptingCallInterface {
  const { clientInterceptors, clientInterceptorProviders } = given;
  const { callInterceptors, callInterceptorProviders } = given;
  checkOneKind(
    "as options to the client constructor",
    clientInterceptors,
    clientInterceptorProviders,
  );
  checkOneKind("as call options", callInterceptors, callInterceptorProviders);
  const own = callInterceptors.length > 0 || callInterceptorProviders.length > 0;
  const interceptors = own ? callInterceptors : clientInterceptors;
  const providers = own ? callInterceptorProviders : clientInterceptorProviders;
  if (interceptors.length === 0 && providers.length === 0) {
    return bottomCall(channel, method, options);
  }
  const chain = [...interceptors, ...providers.map((provide) => provide(method))]
    .filter((interceptor) => interceptor);
  const last: NextCall = (final) => bottomCall(channel, method, final);
  if (chain.length === 0) return bottomCall(channel, method, options);
  return chain.reduceRight<NextCall>(
    (next, interceptor) => (current) => interceptor(current, next),
    last,
  )({ ...options, method_definition: method });
}

function checkOneKind(where: string, interceptors: unknown[], providers: unknown[]): void {
  if (interceptors.length === 0 || providers.length === 0) return;
  throw new InterceptorConfigurationError(
    `Both interceptors and interceptor_providers were passed ${where}. ` +
      "Only one of these is allowed.",
  );
}

function bottomCall(
  channel: ChannelInterface,
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  method: ClientMethodDefinition<any, any>,
  options: CallOptions,
): InterceptingCallInterface {
  const { deadline = Infinity, host, parent = null, propagate_flags, credentials } = options;
  const call = channel.createCall(
    method.path,
    deadline,
    host,
    parent,
    propagate_flags,
    kindOf(method),
  );
  if (credentials) call.setCredentials(credentials);
  return new EncodingCall(call, method);
}
