/**
 * The interface of grpc-js (`@grpc/grpc-js`) on this project's engine: services and clients written or generated for
 * grpc-js run on it unchanged but for the import.
 *
 * ```ts ignore
 * import * as grpc from "@vrpc/vrpc/grpc-js"; // instead of "@grpc/grpc-js"
 *
 * const server = new grpc.Server();
 * server.addService(GreeterService, {
 *   sayHello: (call, callback) => callback(null, { message: `Hello ${call.request.name}` }),
 * });
 * server.bindAsync("127.0.0.1:50051", grpc.ServerCredentials.createInsecure(), () => {});
 * ```
 *
 * @module
 */

import { CallCredentials } from "./call_credentials.ts";
import { ChannelCredentials } from "./channel_credentials.ts";
import type { Client } from "./client.ts";
import type { Deadline } from "./deadline.ts";
import type { ChannelInterface } from "./channel.ts";
import type {
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
} from "./client_calls.ts";

/** Makers of credentials of channels and calls. */
export interface Credentials {
  /** Adds call credentials to those of a channel. */
  combineChannelCredentials(
    channelCredentials: ChannelCredentials,
    ...callCredentials: CallCredentials[]
  ): ChannelCredentials;
  /** Combines call credentials. */
  combineCallCredentials(
    first: CallCredentials,
    ...additional: CallCredentials[]
  ): CallCredentials;
  /** Makes credentials without TLS. */
  createInsecure: typeof ChannelCredentials.createInsecure;
  /** Makes credentials with TLS from PEM. */
  createSsl: typeof ChannelCredentials.createSsl;
  /** Makes credentials from what `tls.createSecureContext` returned. */
  createFromSecureContext: typeof ChannelCredentials.createFromSecureContext;
  /** Makes credentials from a function that generates the metadata of each call. */
  createFromMetadataGenerator: typeof CallCredentials.createFromMetadataGenerator;
  /** Makes credentials from a client of google-auth-library. */
  createFromGoogleCredential: typeof CallCredentials.createFromGoogleCredential;
  /** Makes credentials that add nothing. */
  createEmpty: typeof CallCredentials.createEmpty;
}

/** Makers of credentials of channels and calls. */
export const credentials: Credentials = {
  combineChannelCredentials: (channel, ...calls) =>
    calls.reduce((all, one) => all.compose(one), channel),
  combineCallCredentials: (first, ...additional) =>
    additional.reduce((all, one) => all.compose(one), first),
  createInsecure: ChannelCredentials.createInsecure,
  createSsl: ChannelCredentials.createSsl,
  createFromSecureContext: ChannelCredentials.createFromSecureContext,
  createFromMetadataGenerator: CallCredentials.createFromMetadataGenerator,
  createFromGoogleCredential: CallCredentials.createFromGoogleCredential,
  createEmpty: CallCredentials.createEmpty,
};

/** Closes the channel of a client. */
export function closeClient(client: Client): void {
  client.close();
}

/** Connects a client; calls `callback` when there is a connection, or with an error at the deadline. */
export function waitForClientReady(
  client: Client,
  deadline: Deadline,
  callback: (error?: Error) => void,
): void {
  client.waitForReady(deadline, callback);
}

/** Returns the channel of a client. */
export function getClientChannel(client: Client): ChannelInterface {
  return client.getChannel();
}

/** Throws: `.proto` files are loaded by `@grpc/proto-loader` and `loadPackageDefinition`. */
export function load(): never {
  throw new Error(
    "Not available in this library. Use @grpc/proto-loader and loadPackageDefinition instead",
  );
}

/** Throws: objects of ProtoBuf.js 5 are not supported. */
export function loadObject(): never {
  return load();
}

/** Call of a client of any kind. */
export type Call =
  | ClientUnaryCall
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  | ClientReadableStream<any>
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  | ClientWritableStream<any>
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  | ClientDuplexStream<any, any>;

export {
  CompressionAlgorithms as compressionAlgorithms,
  ConnectivityState as connectivityState,
  LogVerbosity as logVerbosity,
  Propagate as propagate,
  Status as status,
  WriteFlags as writeFlags,
} from "./constants.ts";
export { CallCredentials, ChannelCredentials };
export type {
  CallMetadataGenerator,
  CallMetadataOptions,
  CurrentOAuth2Client,
  OAuth2Client,
  OldOAuth2Client,
} from "./call_credentials.ts";
export type {
  ChannelSecurity,
  CheckServerIdentityCallback,
  VerifyOptions,
} from "./channel_credentials.ts";
export { Channel, type ChannelInterface } from "./channel.ts";
export type {
  AuthContext,
  Call as ChannelCall,
  MessageContext,
  ParentCall,
} from "./call_interface.ts";
export {
  type AnyCall,
  type CallArgument,
  type CallInvocationTransformer,
  type CallProperties,
  Client,
  type ClientOptions,
  type UnaryCallback as requestCallback,
} from "./client.ts";
export type {
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  SurfaceCall,
  SurfaceCallFunctions,
} from "./client_calls.ts";
export {
  type CallOptions,
  type CancelRequester,
  type CloseRequester,
  type FullRequester,
  InterceptingCall,
  type InterceptingCallInterface,
  type Interceptor,
  InterceptorConfigurationError,
  type InterceptorOptions,
  type InterceptorProvider,
  type MessageRequester,
  type MetadataRequester,
  type NextCall,
  type Requester,
  RequesterBuilder,
} from "./client_interceptors.ts";
export type { Deadline } from "./deadline.ts";
export type {
  AnyMethodDefinition,
  ClientMethodDefinition,
  Deserialize as deserialize,
  MethodDefinition,
  PackageDefinition,
  ProtobufTypeDefinition,
  Serialize as serialize,
  ServerMethodDefinition,
  ServiceDefinition,
} from "./definitions.ts";
export {
  type FullListener,
  type InterceptingListener,
  type Listener,
  ListenerBuilder,
  type MessageListener,
  type MetadataListener,
  type StatusListener,
} from "./listener.ts";
export { type Logger, setLogger, setLogVerbosity } from "./logging.ts";
export {
  type GrpcObject,
  loadPackageDefinition,
  makeClientConstructor,
  makeClientConstructor as makeGenericClientConstructor,
  type ServiceClient,
  type ServiceClientConstructor,
} from "./make_client.ts";
export {
  type HeaderFields,
  Metadata,
  type MetadataObject,
  type MetadataOptions,
  type MetadataValue,
} from "./metadata.ts";
export type { ChannelOptions } from "./options.ts";
export { type ConnectionInjector, Server, type ServerOptions } from "./server.ts";
export {
  createServerCredentialsWithInterceptors,
  type KeyCertPair,
  ServerCredentials,
} from "./server_credentials.ts";
export {
  type ConnectionInfo,
  type FullResponder,
  type FullServerListener,
  type InterceptingServerListener,
  type MessageResponder,
  type MetadataResponder,
  type Responder,
  ResponderBuilder,
  type ServerCancelListener,
  type ServerHalfCloseListener,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
  ServerListenerBuilder,
  type ServerMessageListener,
  type ServerMetadataListener,
  type StartResponder,
  type StatusResponder,
} from "./server_interceptors.ts";
export type {
  handleBidiStreamingCall,
  HandleCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerSurfaceCall,
  ServerSurfaceCallFunctions,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "./server_surface.ts";
export {
  type PartialStatusObject,
  type ServerErrorResponse,
  type ServerStatusResponse,
  type ServiceError,
  StatusBuilder,
  type StatusObject,
} from "./status.ts";
export type { TlsClientOptions, TlsServerOptions } from "../transport/tls_options.ts";
export type { MethodKind } from "../call/method.ts";
export type { ObjectReadable, ObjectWritable } from "./streams.ts";
export type {
  MethodConfigJson as MethodConfig,
  ServiceConfig,
} from "../rpc/resolver/service_config.ts";
