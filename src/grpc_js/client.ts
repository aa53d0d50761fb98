/**
 * Clients with the interface of grpc-js.
 *
 * @module
 */

import { Channel, type ChannelInterface } from "./channel.ts";
import type { ChannelCredentials } from "./channel_credentials.ts";
import {
  type ClientDuplexStream,
  ClientDuplexStreamImpl,
  type ClientReadableStream,
  ClientReadableStreamImpl,
  type ClientUnaryCall,
  ClientUnaryCallImpl,
  type ClientWritableStream,
  ClientWritableStreamImpl,
  type SurfaceCall,
} from "./client_calls.ts";
import {
  type CallOptions,
  getInterceptingCall,
  type InterceptingCallInterface,
  type Interceptor,
  type InterceptorProvider,
} from "./client_interceptors.ts";
import { type CallEvents, ReplyStreamEvents, SingleReplyEvents } from "./client_events.ts";
import { ConnectivityState } from "./constants.ts";
import type { Deadline } from "./deadline.ts";
import type { ClientMethodDefinition, Deserialize, Serialize } from "./definitions.ts";
import { Metadata } from "./metadata.ts";
import type { ChannelOptions } from "./options.ts";
import type { ServiceError } from "./status.ts";

/** Receives the reply of a call, or its error. */
export type UnaryCallback<ResponseType> = (
  error: ServiceError | null,
  value?: ResponseType,
) => void;

/** Everything that a call is made of. */
export interface CallProperties<RequestType, ResponseType> {
  /** The request of methods that take one. */
  argument?: RequestType;
  /** Request metadata. */
  metadata: Metadata;
  /** What the caller gets. */
  call: SurfaceCall;
  /** Channel that makes the call. */
  channel: ChannelInterface;
  /** The called method. */
  methodDefinition: ClientMethodDefinition<RequestType, ResponseType>;
  /** Options of the call. */
  callOptions: CallOptions;
  /** Receives the reply of methods that have one. */
  callback?: UnaryCallback<ResponseType>;
}

/** Changes calls before they are made. */
export type CallInvocationTransformer = (call: AnyCall) => AnyCall;

/** Call of any method. */
// deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
export type AnyCall = CallProperties<any, any>;

/** Options of a client: those of its channel, and these. */
export type ClientOptions = Partial<ChannelOptions> & {
  /** Channel to be used, instead of one of its own. */
  channelOverride?: ChannelInterface;
  /** Makes the channel. */
  channelFactoryOverride?: (
    address: string,
    credentials: ChannelCredentials,
    options: ClientOptions,
  ) => ChannelInterface;
  /** Interceptors of all calls, the first outermost. */
  interceptors?: Interceptor[];
  /** Providers of interceptors. */
  interceptor_providers?: InterceptorProvider[];
  /** Changes calls before they are made. */
  callInvocationTransformer?: CallInvocationTransformer;
};

/** Metadata, options or callback of a call: what stands first depends on what is left out. */
export type CallArgument<T> = Metadata | CallOptions | UnaryCallback<T>;

const NO_INTERCEPTORS: never[] = [];

/** Makes calls on a channel. Generated clients extend it. */
export class Client {
  readonly #channel: ChannelInterface;
  readonly #interceptors: Interceptor[];
  readonly #providers: InterceptorProvider[];
  readonly #transform: CallInvocationTransformer | undefined;

  /** Makes a client with a channel of its own, unless the options have one. */
  constructor(address: string, credentials: ChannelCredentials, options: ClientOptions = {}) {
    const {
      interceptors,
      interceptor_providers,
      callInvocationTransformer,
      channelOverride,
      channelFactoryOverride,
      ...channelOptions
    } = options;
    this.#interceptors = interceptors ?? NO_INTERCEPTORS;
    this.#providers = interceptor_providers ?? NO_INTERCEPTORS;
    if (this.#interceptors.length > 0 && this.#providers.length > 0) {
      throw new Error(
        "Both interceptors and interceptor_providers were passed as options " +
          "to the client constructor. Only one of these is allowed.",
      );
    }
    this.#transform = callInvocationTransformer;
    this.#channel = channelOverride ??
      channelFactoryOverride?.(address, credentials, channelOptions) ??
      new Channel(address, credentials, channelOptions);
  }

  /** Closes the channel once its calls have ended. */
  close(): void {
    this.#channel.close();
  }

  /** Returns the channel. */
  getChannel(): ChannelInterface {
    return this.#channel;
  }

  /** Connects; calls `callback` when there is a connection, or with an error at the deadline. */
  waitForReady(deadline: Deadline, callback: (error?: Error) => void): void {
    const check = (failure?: Error) => {
      if (failure) return callback(new Error("Failed to connect before the deadline"));
      try {
        const state = this.#channel.getConnectivityState(true);
        if (state === ConnectivityState.READY) return callback();
        this.#channel.watchConnectivityState(state, deadline, check);
      } catch {
        callback(new Error("The channel has been closed"));
      }
    };
    setImmediate(check);
  }

  /** Makes a unary call. */
  makeUnaryRequest<RequestType, ResponseType>(
    method: string,
    serialize: Serialize<RequestType>,
    deserialize: Deserialize<ResponseType>,
    argument: RequestType,
    metadata: CallArgument<ResponseType>,
    options?: CallOptions | UnaryCallback<ResponseType>,
    callback?: UnaryCallback<ResponseType>,
  ): ClientUnaryCall {
    const properties = this.#singleReply<RequestType, ResponseType>(
      definition(method, false, false, serialize, deserialize),
      new ClientUnaryCallImpl(),
      singleArguments(metadata, options, callback),
      argument,
    );
    const call = this.#start(
      properties,
      new SingleReplyEvents(properties.call, properties.callback!),
    );
    call.sendMessage(properties.argument);
    call.halfClose();
    return properties.call;
  }

  /** Makes a call with a stream of requests. */
  makeClientStreamRequest<RequestType, ResponseType>(
    method: string,
    serialize: Serialize<RequestType>,
    deserialize: Deserialize<ResponseType>,
    metadata: CallArgument<ResponseType>,
    options?: CallOptions | UnaryCallback<ResponseType>,
    callback?: UnaryCallback<ResponseType>,
  ): ClientWritableStream<RequestType> {
    const properties = this.#singleReply<RequestType, ResponseType>(
      definition(method, true, false, serialize, deserialize),
      new ClientWritableStreamImpl<RequestType>(serialize),
      singleArguments(metadata, options, callback),
    );
    this.#start(properties, new SingleReplyEvents(properties.call, properties.callback!));
    return properties.call as ClientWritableStream<RequestType>;
  }

  /** Makes a call with a stream of replies. */
  makeServerStreamRequest<RequestType, ResponseType>(
    method: string,
    serialize: Serialize<RequestType>,
    deserialize: Deserialize<ResponseType>,
    argument: RequestType,
    metadata?: Metadata | CallOptions,
    options?: CallOptions,
  ): ClientReadableStream<ResponseType> {
    const properties = this.#prepare<RequestType, ResponseType>({
      argument,
      call: new ClientReadableStreamImpl<ResponseType>(deserialize),
      channel: this.#channel,
      methodDefinition: definition(method, false, true, serialize, deserialize),
      ...streamArguments(metadata, options),
    });
    const call = this.#start(
      properties,
      new ReplyStreamEvents(properties.call as ClientReadableStream<ResponseType>),
    );
    call.sendMessage(properties.argument);
    call.halfClose();
    return properties.call as ClientReadableStream<ResponseType>;
  }

  /** Makes a call with streams both ways. */
  makeBidiStreamRequest<RequestType, ResponseType>(
    method: string,
    serialize: Serialize<RequestType>,
    deserialize: Deserialize<ResponseType>,
    metadata?: Metadata | CallOptions,
    options?: CallOptions,
  ): ClientDuplexStream<RequestType, ResponseType> {
    const properties = this.#prepare<RequestType, ResponseType>({
      call: new ClientDuplexStreamImpl<RequestType, ResponseType>(serialize, deserialize),
      channel: this.#channel,
      methodDefinition: definition(method, true, true, serialize, deserialize),
      ...streamArguments(metadata, options),
    });
    this.#start(
      properties,
      new ReplyStreamEvents(properties.call as ClientReadableStream<ResponseType>),
    );
    return properties.call as ClientDuplexStream<RequestType, ResponseType>;
  }

  #singleReply<RequestType, ResponseType>(
    methodDefinition: ClientMethodDefinition<RequestType, ResponseType>,
    call: SurfaceCall,
    given: SingleArguments<ResponseType>,
    argument?: RequestType,
  ): CallProperties<RequestType, ResponseType> {
    return this.#prepare({ argument, call, channel: this.#channel, methodDefinition, ...given });
  }

  #prepare<RequestType, ResponseType>(
    properties: CallProperties<RequestType, ResponseType>,
  ): CallProperties<RequestType, ResponseType> {
    return this.#transform === undefined ? properties : this.#transform(properties);
  }

  #start<RequestType, ResponseType>(
    properties: CallProperties<RequestType, ResponseType>,
    listener: CallEvents,
  ): InterceptingCallInterface {
    const { callOptions, methodDefinition, channel } = properties;
    const call = getInterceptingCall(
      {
        clientInterceptors: this.#interceptors,
        clientInterceptorProviders: this.#providers,
        callInterceptors: callOptions.interceptors ?? NO_INTERCEPTORS,
        callInterceptorProviders: callOptions.interceptor_providers ?? NO_INTERCEPTORS,
      },
      methodDefinition,
      callOptions,
      channel,
    );
    properties.call.call = call;
    listener.begin(call);
    call.start(properties.metadata, listener);
    return call;
  }
}

interface SingleArguments<T> {
  metadata: Metadata;
  callOptions: CallOptions;
  callback: UnaryCallback<T>;
}

/** Sorts the arguments of calls with one reply: metadata and options may be left out. */
function singleArguments<T>(
  one: CallArgument<T>,
  two: CallOptions | UnaryCallback<T> | undefined,
  three: UnaryCallback<T> | undefined,
): SingleArguments<T> {
  if (typeof one === "function") {
    return { metadata: new Metadata(), callOptions: {}, callback: one };
  }
  if (typeof two === "function") {
    return one instanceof Metadata
      ? { metadata: one, callOptions: {}, callback: two }
      : { metadata: new Metadata(), callOptions: one, callback: two };
  }
  if (!(one instanceof Metadata && two instanceof Object && typeof three === "function")) {
    throw new Error("Incorrect arguments passed");
  }
  return { metadata: one, callOptions: two, callback: three };
}

function streamArguments(
  one: Metadata | CallOptions | undefined,
  two: CallOptions | undefined,
): { metadata: Metadata; callOptions: CallOptions } {
  if (one instanceof Metadata) return { metadata: one, callOptions: two ?? {} };
  return { metadata: new Metadata(), callOptions: one ?? {} };
}

function definition<RequestType, ResponseType>(
  path: string,
  requestStream: boolean,
  responseStream: boolean,
  requestSerialize: Serialize<RequestType>,
  responseDeserialize: Deserialize<ResponseType>,
): ClientMethodDefinition<RequestType, ResponseType> {
  return { path, requestStream, responseStream, requestSerialize, responseDeserialize };
}
