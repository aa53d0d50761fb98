/**
 * Batches of small unary gRPC calls: `addBatch` accepts them on a server, the channel option `batch` sends them.
 *
 * ```ts
 * import { connect, serve } from "@vrpc/vrpc";
 * import { addBatch } from "@vrpc/vrpc/batch";
 * import { addEcho } from "@vrpc/vrpc/services";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   addEcho(router);
 *   addBatch(router);
 * });
 * await using channel = connect("127.0.0.1:50051", { batch: true });
 * ```
 *
 * @module
 */

export { addBatch, type BatchServerOptions } from "./server.ts";
export type { BatchOptions } from "./options.ts";
