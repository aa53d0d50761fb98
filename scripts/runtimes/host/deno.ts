/**
 * The parts of `Deno` that tests use, on Node and Bun.
 *
 * @module
 */

import { inspect as nodeInspect } from "node:util";
import { listenDatagram } from "./datagrams.ts";
import { errors } from "./errors.ts";
import { createHttpClient } from "./fetch.ts";
import { files } from "./files.ts";
import { processes } from "./processes.ts";
import { serve } from "./serve.ts";
import { sockets } from "./sockets.ts";
import { test } from "./tests.ts";

/** Prints a value, even one whose traps throw. */
function inspect(value: unknown): string {
  try {
    return nodeInspect(value);
  } catch (error) {
    return `a value that cannot be printed: ${error}`;
  }
}

const given = { createHttpClient, errors, inspect, listenDatagram, serve, test };
const host = { ...files, ...processes, ...sockets, ...given };
(globalThis as unknown as { Deno: typeof host }).Deno = host;

// Bun has Workers; those of Node are threads.
const { Worker } = "Worker" in globalThis
  ? await import("./bun_worker.ts")
  : await import("./worker.ts");
Object.assign(globalThis, { Worker });
