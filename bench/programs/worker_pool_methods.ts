/**
 * Methods of `bench/programs/worker_pool.ts`.
 *
 * @module
 */

import type { Router } from "../../mod.ts";

/** Adds an echo, and a method that computes for the number of ms in the first byte of its request. */
export function configure(router: Router): void {
  router.method("/echo", {}, (request) => request);
  router.method("/heavy", {}, (request) => {
    const endMs = performance.now() + request[0];
    while (performance.now() < endMs);
    return request;
  });
}
