/**
 * Handlers of CPU-heavy methods in Web Workers: a pool for the server, and the worker's side of it.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 * import { addCrypto } from "@vrpc/vrpc/services";
 * import { WorkerPool } from "@vrpc/vrpc/workers";
 *
 * const pool = new WorkerPool({
 *   create: () => new Worker(new URL("./crypto_worker.ts", import.meta.url), { type: "module" }),
 *   methods: ["/vrpc.crypto.v1.CryptoService/Sign"],
 * });
 * await using server = await serve("127.0.0.1:50051", (router) => addCrypto(router), {
 *   dispatcher: pool.dispatcher,
 * });
 * ```
 *
 * @module
 */

export { WorkerPool, type WorkerPoolOptions, type WorkerPoolStats } from "./pool.ts";
export { serveWorker, type ServeWorkerOptions } from "./host.ts";
export type { RuntimeWorker } from "../../runtime/mod.ts";
