/**
 * Batches of small unary gRPC calls: `addBatch` accepts them on a server, the channel option `batch` sends them.
 *
 * ```ts ignore
 * import { connect, serve } from "@vrpc/vrpc";
 * import { addBatch } from "@vrpc/vrpc/batch";
 *
 * await using server = await serve("127.0.0.1:50051", (router) => {
 *   router.service(EchoService, implementation);
 *   addBatch(router);
 * });
 * await using channel = connect("127.0.0.1:50051", { batch: true });
 * ```
 *
 * @module
 */

export { addBatch, type BatchServerOptions } from "./server.ts";
export type { BatchOptions } from "./options.ts";
