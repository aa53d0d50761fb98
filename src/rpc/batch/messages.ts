/**
 * The messages of the batch stream (proto/vrpc/v1/batch.proto), written and read by hand: straight
 * between buffers and calls, without an object for each message. Both halves of the stream use it.
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

/** The method that carries batches. */
export const BATCH_METHOD = "/vrpc.v1.BatchService/Exchange";

/** How many methods a client may abbreviate on one stream; later ones are spelled out each time. */
export const MAX_METHOD_REFS = 1024;

/** The largest reply payload in bytes until the client says otherwise. */
export const DEFAULT_MAX_REPLY_BYTES = 4 * 1024 * 1024;
