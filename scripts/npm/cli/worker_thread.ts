/**
 * Thread of a {@link Worker}: gives its module the scope of a Web Worker.
 *
 * @module
 */

import "./polyfills.ts";
import "./deno.ts";
import { parentPort, workerData } from "node:worker_threads";

const port = parentPort!;
const scope = globalThis as unknown as {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
};
scope.onmessage = null;
scope.postMessage = (message) => port.postMessage(message);
// Ends the thread, not the process, once what was posted has left.
scope.close = () => void setImmediate(() => process.exit());

await import(workerData);
port.on("message", (data) => scope.onmessage?.({ data }));
