/**
 * Channels alone, for programs that only call: connections, balancing, retries, figures.
 *
 * @module
 */

export { type BoundMethod, type CapabilityInfo, type Channel, connect } from "./channel.ts";
export type {
  AddressStats,
  ChannelState,
  ConnectionStats,
  DialFunction,
  HealthCheckOptions,
  PoolSize,
} from "../pool/options.ts";
export type { BatchOptions } from "../batch/options.ts";
export type { ChannelOptions, ChannelStats } from "./options.ts";
export type { ConnectionLimits } from "../../limits/connection_limits.ts";
export type { BalancerPolicy } from "../pool/balancer.ts";
export type { Client, ClientFunction, Requests } from "./typed_client.ts";
export type { MethodConfigJson, ServiceConfig } from "../client/service_config.ts";
export type { Session } from "../client/session.ts";
export type { CallCredentials, CallOptions, HandlerContext, Interceptor } from "../core/types.ts";
export type {
  InterceptedCall,
  InterceptedReply,
  MethodInfo,
  Next,
  ReceivedMessage,
  ReplyWriter,
} from "../core/types.ts";
export { Metadata, type MetadataInit, type MetadataValue } from "../../call/metadata.ts";
export type { MethodKind } from "../../call/method.ts";
export type { PeerInfo, TlsPeerInfo } from "../../call/wire.ts";
export { Status } from "../../call/status.ts";
export type { Codec } from "../../codec/codec.ts";
export { type ErrorDetail, RpcError, type RpcErrorOptions } from "../../errors.ts";
export type { DialOptions } from "../../transport/dial.ts";
export type { Resolver } from "../../transport/resolve.ts";
export type { TlsClientOptions } from "../../transport/tls_options.ts";
export type { ByteStream } from "../../transport/types.ts";
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
} from "../../transport/address.ts";
export type { CallObserver, ObservedCall } from "../core/observer.ts";
