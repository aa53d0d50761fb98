/**
 * The messages of the batch stream (proto/vrpc/v1/batch.proto), encoded and decoded by hand, without an object per
 * message.
 *
 * @module
 */

export {
  type BatchRequestSink,
  type BatchResponseSink,
  readBatchRequest,
  readBatchResponse,
} from "./reader.ts";
export { BatchRequestWriter, BatchResponseWriter } from "./writer.ts";

/** Path of the method that carries batches. */
export const BATCH_METHOD = "/vrpc.v1.BatchService/Exchange";

/** Number of methods that a client can abbreviate by `method_ref` on one stream; others are sent by name. */
export const MAX_METHOD_REFS = 1024;

/** Largest reply payload in bytes until the client announces its limit. */
export const DEFAULT_MAX_REPLY_BYTES = 4 * 1024 * 1024;
