/**
 * A worker of the pool.
 *
 * @module
 */

import { serveWorker } from "@vrpc/vrpc/workers";
import { addMethods } from "./methods.ts";

serveWorker((router, init) => addMethods(router, new Int32Array(init as SharedArrayBuffer)));
