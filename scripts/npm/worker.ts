/**
 * Worker of `program.ts`.
 *
 * @module
 */

import { serveWorker } from "@vrpc/vrpc/workers";

serveWorker((router) => {
  router.method("/twice", {}, (request) => new Uint8Array([...request, ...request]));
});
