/**
 * The batch stream: `addBatch` for servers, the options of channels, and the messages for other implementations.
 *
 * @module
 */

export { addBatch, type BatchServerOptions } from "./server.ts";
export type { BatchOptions } from "./options.ts";
export {
  BATCH_METHOD,
  type BatchRequestSink,
  BatchRequestWriter,
  type BatchResponseSink,
  BatchResponseWriter,
  DEFAULT_MAX_REPLY_BYTES,
  MAX_METHOD_REFS,
  readBatchRequest,
  readBatchResponse,
} from "./messages.ts";
export { Metadata, type MetadataInit, type MetadataValue } from "../../call/metadata.ts";
export { Router } from "../dispatch/router.ts";
export { type Capability, Registry } from "../dispatch/registry.ts";
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
} from "../dispatch/handlers.ts";
export type {
  HandlerContext,
  InterceptedCall,
  InterceptedReply,
  Interceptor,
  MethodInfo,
  Next,
  ReplyWriter,
} from "../core/types.ts";
export type { MethodKind } from "../../call/method.ts";
export type { PeerInfo, TlsPeerInfo } from "../../call/wire.ts";
export type { Codec } from "../../codec/codec.ts";
