/**
 * The parts of `Deno` that tests use, on Node and Bun.
 *
 * @module
 */

import { inspect } from "node:util";
import { errors } from "./errors.ts";
import { files } from "./files.ts";
import { processes } from "./processes.ts";
import { serve } from "./serve.ts";
import { sockets } from "./sockets.ts";
import { test } from "./tests.ts";

const host = { ...files, ...processes, ...sockets, errors, inspect, serve, test };
(globalThis as unknown as { Deno: typeof host }).Deno = host;

// Bun has Workers; those of Node are threads.
if (!("Worker" in globalThis)) {
  const { Worker } = await import("./worker.ts");
  Object.assign(globalThis, { Worker });
}
