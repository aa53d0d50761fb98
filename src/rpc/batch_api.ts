/**
 * The batch stream: switching it on for a server, its options for a channel, and its messages for other
 * implementations.
 *
 * @module
 */

export { addBatch, type BatchServerOptions } from "./batch_server.ts";
export type { BatchOptions } from "./channel_options.ts";
export {
  BATCH_METHOD,
  type BatchRequestSink,
  BatchRequestWriter,
  type BatchResponseSink,
  BatchResponseWriter,
  DEFAULT_MAX_REPLY_BYTES,
  MAX_METHOD_REFS,
  MessageWriter,
  readBatchRequest,
  readBatchResponse,
} from "./batch_wire.ts";
export { Metadata, type MetadataInit, type MetadataValue } from "../call/metadata.ts";
