/**
 * The worker of `bench/worker_pool.ts`.
 *
 * @module
 */

import { serveWorker } from "../mod.ts";
import { configure } from "./worker_pool_methods.ts";

serveWorker(configure);
