/**
 * `Worker` as Deno has it, on node:worker_threads.
 *
 * @module
 */

import { Worker as Thread } from "node:worker_threads";
import type { Transferable } from "node:worker_threads";

type Handler = ((event: { data: unknown }) => void) | null;

/** Thread with the members of a Web Worker that tests use. */
export class Worker extends Thread {
  /** Called with each message. */
  onmessage: Handler = null;

  /** Starts the module at `url`. */
  constructor(url: string | URL) {
    super(new URL("./worker_thread.ts", import.meta.url), { workerData: String(url) });
    this.on("message", (data) => this.onmessage?.({ data }));
  }

  override postMessage(message: unknown, transfer?: readonly Transferable[]): void {
    super.postMessage(message, transfer);
  }
}
