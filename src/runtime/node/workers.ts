/**
 * Workers of node:worker_threads, and Web Workers where the runtime has them.
 *
 * @module
 */

import { parentPort, type Worker } from "node:worker_threads";
import type { RuntimeWorker, WorkerEvents, WorkerScope } from "../types.ts";
import { attachWebWorker } from "../web_worker.ts";

const EXITED = "the worker exited";

/** Reports what a worker posts, its errors and its end. */
export function attachWorker(worker: RuntimeWorker, events: WorkerEvents): void {
  if (!("on" in worker)) {
    attachWebWorker(worker, events);
    // Of Bun alone; a worker of an application may have no events.
    const target = worker as unknown as Partial<EventTarget>;
    target.addEventListener?.("close", () => events.onError(EXITED));
    return;
  }
  (worker as Worker)
    .on("message", (message) => events.onMessage(message))
    .on("messageerror", () => events.onError("a message could not be deserialized"))
    .on("error", (error) => events.onError(error instanceof Error ? error.message : String(error)))
    .on("exit", () => events.onError(EXITED));
}

/** Returns the scope of the worker that this thread is. Throws a TypeError in the main thread. */
export function workerScope(): WorkerScope {
  if (parentPort === null) throw new TypeError("This thread is not a worker");
  const port = parentPort;
  return {
    postMessage: (message, transfer) => port.postMessage(message, transfer as never[]),
    onMessage(callback) {
      port.on("message", callback);
    },
    // The creator gets the event `exit`.
    onExit() {},
  };
}
