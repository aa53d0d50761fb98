/**
 * Detects the end of a worker, for which the runtime has no event.
 *
 * @module
 */

import { MessageChannel, type MessagePort as NodeMessagePort } from "node:worker_threads";

/** Pair of message ports: when the worker that holds one has ended, the other is closed. */
export class Lifeline {
  /** Port to be transferred to the worker, which keeps it. */
  readonly remote: MessagePort;
  /** Resolves when the worker has ended. */
  readonly ended: Promise<void>;
  readonly #local: NodeMessagePort;

  /** Creates the pair. Before `wait` is called, it does not keep the process alive. */
  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#local = port1;
    this.remote = port2 as unknown as MessagePort;
    this.ended = new Promise((resolve) => port1.once("close", () => resolve()));
    // A listener starts the port.
    port1.on("message", () => {});
    port1.unref();
  }

  /**
   * Resolves when the worker has ended, or after `timeoutMs`: a worker that is computing ends only after that
   * computation.
   */
  async wait(timeoutMs: number): Promise<void> {
    this.#local.ref();
    const timer = setTimeout(() => this.#local.close(), timeoutMs);
    await this.ended;
    clearTimeout(timer);
  }
}
