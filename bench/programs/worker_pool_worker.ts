/**
 * Worker of `bench/programs/worker_pool.ts`.
 *
 * @module
 */

import { serveWorker } from "../../src/rpc/workers/mod.ts";
import { configure } from "./worker_pool_methods.ts";

serveWorker(configure);
