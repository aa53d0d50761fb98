/**
 * Thread of a {@link Worker}: gives its module the scope of a Web Worker.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import "./deno.ts";

const port = parentPort!;
const scope = globalThis as unknown as {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
};
scope.onmessage = null;
scope.postMessage = (message) => port.postMessage(message);
scope.close = () => port.close();
// By its presence modules tell that they run in a worker.
const WorkerGlobalScope = class {};
Object.assign(globalThis, { self: globalThis, WorkerGlobalScope });

await import(workerData);
port.on("message", (data) => scope.onmessage?.({ data }));
