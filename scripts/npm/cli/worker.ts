/**
 * `Worker` as Deno has it, on node:worker_threads.
 *
 * @module
 */

import { type Transferable, Worker as Thread } from "node:worker_threads";

/** Thread with the members of a Web Worker that the programs use. */
export class Worker extends Thread {
  /** Called with each message. */
  onmessage: ((event: { data: unknown }) => void) | null = null;
  /** Called with the error that ends the thread. */
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null = null;

  /** Starts the module at `url`. */
  constructor(url: URL, options: { name?: string } = {}) {
    super(new URL("./worker_thread.js", import.meta.url), {
      workerData: url.href,
      ...(options.name === undefined ? {} : { name: options.name }),
    });
    this.on("message", (data) => this.onmessage?.({ data }));
    this.on("error", ({ message }) => this.onerror?.({ message, preventDefault() {} }));
  }

  override postMessage(message: unknown, transfer?: readonly Transferable[]): void {
    super.postMessage(message, transfer);
  }
}
