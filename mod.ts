/**
 * vrpc: RPC for Deno. One registry of methods, two wires (gRPC over HTTP/2, and lean), five transports
 * (TCP, TLS, Unix sockets, vsock, hybrid vsock).
 *
 * ```ts ignore
 * import { connect, serve } from "@vrpc/vrpc";
 * import { EchoService } from "./gen/echo_pb.ts"; // protobuf-es output, nothing else is generated
 *
 * await using server = await serve("127.0.0.1:0", (router) => {
 *   router.service(EchoService, { echo: (request) => ({ payload: request.payload }) });
 *   router.method("/health", { description: "liveness" }, () => new Uint8Array());
 * });
 *
 * await using channel = connect(server.addresses[0]);
 * const reply = await channel.client(EchoService).echo({ payload }, { timeoutMs: 500 });
 * ```
 *
 * @module
 */

// Servers.
export { serve, type Server } from "./src/rpc/server/server.ts";
export type { ServeOptions, ServerStats } from "./src/rpc/server/options.ts";
export type { ConnectionLimits, ServerLimits } from "./src/limits/connection_limits.ts";
export type { CallStats } from "./src/rpc/server/call_host.ts";
export { Router } from "./src/rpc/dispatch/router.ts";
export {
  type AnyHandler,
  type Capability,
  RegisteredMethod,
  Registry,
} from "./src/rpc/dispatch/registry.ts";
export type {
  BidiStreamingHandler,
  ClientStreamingHandler,
  HandlersByKind,
  MethodImplementation,
  MethodSpec,
  Replies,
  ServerStreamingHandler,
  ServiceImplementation,
  UnaryHandler,
} from "./src/rpc/dispatch/handlers.ts";

export {
  addByteStream,
  type ByteStreamHandler,
  ByteStreamOperator,
  type ByteStreamReply,
  callByteStream,
} from "./src/rpc/byte_stream/byte_stream.ts";
export { addBatch, type BatchServerOptions } from "./src/rpc/batch/server.ts";

// Who may call, and what is written down about calls.
export {
  type AccessRule,
  type AccessRules,
  anyone,
  authorize,
  bearerToken,
  principalOf,
  tlsPeer,
  vsockPeer,
} from "./src/rpc/dispatch/authorize.ts";
export { callIdOf, logCalls, type LogCallsOptions } from "./src/rpc/dispatch/call_log.ts";

// Dispatchers.
export type {
  Dispatcher,
  DispatcherWrapper,
  DispatchReply,
} from "./src/rpc/dispatch/dispatcher.ts";
export {
  composeDispatchers,
  concurrencyLimit,
  type ConcurrencyLimitOptions,
  DispatcherLayer,
  methodTimeouts,
  type MethodTimeoutsOptions,
  panicBarrier,
} from "./src/rpc/dispatch/layers.ts";
export {
  WorkerPool,
  type WorkerPoolOptions,
  type WorkerPoolStats,
} from "./src/rpc/workers/pool.ts";
export { serveWorker, type ServeWorkerOptions } from "./src/rpc/workers/host.ts";

// Clients.
export {
  type BoundMethod,
  type CapabilityInfo,
  type Channel,
  connect,
} from "./src/rpc/channel/channel.ts";
export type {
  AddressStats,
  ChannelState,
  ConnectionStats,
  DialFunction,
  HealthCheckOptions,
  PoolSize,
} from "./src/rpc/pool/options.ts";
export type { BatchOptions } from "./src/rpc/batch/options.ts";
export type { ChannelOptions, ChannelStats } from "./src/rpc/channel/options.ts";
export type { BalancerPolicy } from "./src/rpc/pool/balancer.ts";
export type { Client, ClientFunction, Requests } from "./src/rpc/channel/typed_client.ts";
export type { MethodConfigJson, ServiceConfig } from "./src/rpc/client/service_config.ts";
export type { Session } from "./src/rpc/client/session.ts";

// What handlers, callers and interceptors hold.
export type { CallObserver, ObservedCall } from "./src/rpc/core/observer.ts";
export type {
  CallCredentials,
  CallOptions,
  HandlerContext,
  InterceptedCall,
  InterceptedReply,
  Interceptor,
  MethodInfo,
  Next,
  ReceivedMessage,
  ReplyWriter,
} from "./src/rpc/core/types.ts";
export { Metadata, type MetadataInit, type MetadataValue } from "./src/call/metadata.ts";
export type { MethodKind } from "./src/call/method.ts";
export {
  Status,
  statusFromName,
  statusFromNumber,
  type StatusName,
  statusName,
} from "./src/call/status.ts";
export type { PeerInfo, TlsPeerInfo } from "./src/call/wire.ts";
export type { TlsClientOptions, TlsServerOptions } from "./src/transport/tls_options.ts";
export type { ByteStream } from "./src/transport/types.ts";
export type { DialOptions } from "./src/transport/dial.ts";
export type {
  Address,
  DnsAddress,
  HvsockAddress,
  ListAddress,
  MemoryAddress,
  TcpAddress,
  UnixAbstractAddress,
  UnixAddress,
  VsockAddress,
} from "./src/transport/address.ts";
export type { Resolver } from "./src/transport/resolve.ts";

// Errors.
export {
  type ErrorDetail,
  type ErrorInitiator,
  type ErrorScope,
  ProtocolError,
  RpcError,
  type RpcErrorOptions,
  TransportError,
} from "./src/errors.ts";
export { findDetails, packDetail } from "./src/rpc/core/error_details.ts";

// Codecs.
export type { Codec } from "./src/codec/codec.ts";
export { bytesCodec } from "./src/codec/bytes.ts";
export { jsonCodec } from "./src/codec/json.ts";
export { textCodec } from "./src/codec/text.ts";
export { type ProtobufCodec, protobufCodec } from "./src/codec/protobuf.ts";

// Ready services.
export { addHealth, type HealthService, type HealthStatus } from "./src/services/health.ts";
export { addReflection, type ReflectionOptions } from "./src/services/reflection.ts";
