/**
 * Threads of the server program.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { CryptoKeys } from "../../src/services/mod.ts";
import type { Level } from "./logging.ts";
import type { Measured } from "./metrics.ts";
import type { ServingSettings } from "./serving.ts";
import { settledWithin } from "./waits.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

const logger = getLogger(["vrpc", "cmd", "server"]);

/** Shortest life of a worker that is replaced after a failure; an earlier failure would repeat. */
const MIN_LIFE_MS = 5_000;

/** Longest wait for workers to end after the grace period, in which they cancel calls and send the last frames. */
const END_TIMEOUT_MS = 2_000;

/** Longest wait for the measurements of a busy worker. */
const MEASURE_TIMEOUT_MS = 2_000;

/** Workers with the same services. A worker that fails is replaced. */
export class WorkerGroup {
  readonly #logLevel: Level;
  readonly #keys: Promise<CryptoKeys>;
  readonly #workers = new Set<Worker>();
  /** Pending requests for measurements, by id. */
  readonly #measuring = new Map<number, (measured: Measured) => void>();
  #nextId = 1;
  #stopping = false;
  #idle = Promise.withResolvers<void>();

  /** Creates a group without workers. */
  constructor(keys: Promise<CryptoKeys>, logLevel: Level) {
    this.#keys = keys;
    this.#logLevel = logLevel;
  }

  /** Adds a worker. Resolves to its addresses once it listens; rejects when it can't listen. */
  add(settings: ServingSettings): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const startMs = performance.now();
    // A literal URL, because the compile task searches for it to embed the worker.
    const worker = new Worker(new URL("../server/worker.ts", import.meta.url), { type: "module" });
    const post = (message: ToWorker) => worker.postMessage(message);
    this.#workers.add(worker);
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === "listening") return resolve(data.addresses);
      if (data.type === "measured") return this.#measuring.get(data.id)?.(data.measured);
      this.#remove(worker);
      if (data.type === "failed") {
        worker.terminate();
        reject(new Error(data.message));
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#remove(worker);
      reject(new Error(event.message));
      if (this.#stopping || performance.now() - startMs < MIN_LIFE_MS) return;
      logger.error("A worker failed, replacing it: {reason}", { reason: event.message });
      this.add(settings).catch((error) =>
        logger.error("Cannot replace the worker: {error}", { error })
      );
    };
    post({ type: "start", settings, logLevel: this.#logLevel });
    this.#keys.then((keys) => post({ type: "keys", keys }), () => {});
    return promise;
  }

  /** Collects the measurements of all workers that reply in time. */
  async measure(): Promise<Measured[]> {
    const answers = [...this.#workers].map((worker) => {
      const id = this.#nextId++;
      const { promise, resolve } = Promise.withResolvers<Measured>();
      this.#measuring.set(id, resolve);
      const timer = setTimeout(() => resolve([]), MEASURE_TIMEOUT_MS);
      worker.postMessage({ type: "measure", id } satisfies ToWorker);
      return promise.finally(() => {
        clearTimeout(timer);
        this.#measuring.delete(id);
      });
    });
    return await Promise.all(answers);
  }

  /** Drains all workers; resolves when all have ended. Terminates those that a handler still blocks after `graceMs`. */
  async shutdown(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#workers.size === 0) return;
    for (const worker of this.#workers) {
      worker.postMessage({ type: "shutdown", graceMs } satisfies ToWorker);
    }
    if (await settledWithin(this.#idle.promise, graceMs + END_TIMEOUT_MS)) return;
    logger.warn("{workers} worker(s) did not end within {graceMs} ms and are terminated", {
      workers: this.#workers.size,
      graceMs,
    });
    for (const worker of this.#workers) worker.terminate();
    this.#workers.clear();
  }

  #remove(worker: Worker): void {
    this.#workers.delete(worker);
    if (this.#workers.size === 0) this.#idle.resolve();
  }
}
