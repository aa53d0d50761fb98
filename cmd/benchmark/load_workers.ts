/**
 * The worker threads of one run.
 *
 * @module
 */

import { Collector, planForWorker, share } from "../../src/load/mod.ts";
import { UsageError } from "../shared/program.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import type { RunOrder } from "./run_order.ts";

/** Starts workers, has them connect, and gathers what they measure. */
export class LoadWorkers {
  /** What the workers have measured so far. */
  readonly collector: Collector;
  /** Resolves when all workers are connected; rejects with a {@link UsageError} when one can't be. */
  readonly ready: Promise<void>;
  /** Resolves when all workers have handed over their results; rejects when one breaks down. */
  readonly done: Promise<void>;
  readonly #workers: Worker[] = [];

  /** Starts `count` workers, which connect at once. */
  constructor(order: RunOrder, count: number) {
    this.collector = new Collector(order.settings.plan.intervalMs);
    const ready = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.done = done.promise;
    // A failure before the start is told by `ready`; nobody waits for `done` then.
    this.done.catch(() => {});
    let waiting = count;
    let working = count;
    const fail = (error: Error) => {
      ready.reject(error);
      done.reject(error);
    };
    const heard = (message: FromWorker) => {
      switch (message.type) {
        case "ready":
          if (--waiting === 0) ready.resolve();
          break;
        case "interval":
          this.collector.addInterval(message.report);
          break;
        case "done":
          this.collector.addResult(message.result);
          if (--working === 0) done.resolve();
          break;
        case "failed":
          fail(new UsageError(message.message));
      }
    };
    for (let i = 0; i < count; i++) this.#hire(order, i, count, heard, fail);
  }

  /** Warm-up starts at this time, in ms since the Unix epoch. */
  start(atEpochMs: number): void {
    this.#tell({ type: "start", atEpochMs });
  }

  /** Starts no more calls; `done` resolves when those under way have ended. */
  stop(): void {
    this.#tell({ type: "stop" });
  }

  /** Ends the threads. */
  terminate(): void {
    for (const worker of this.#workers) worker.terminate();
  }

  #tell(message: ToWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  #hire(
    { settings, endpoint, subject }: RunOrder,
    index: number,
    count: number,
    heard: (message: FromWorker) => void,
    fail: (error: Error) => void,
  ): void {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      name: `benchmark ${index}`,
    });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => heard(data);
    worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(`A worker thread failed: ${event.message}`));
    };
    worker.postMessage(
      {
        type: "prepare",
        endpoint,
        connections: share(settings.flags.connections, index, count),
        streams: settings.streams,
        spec: subject.spec,
        plan: planForWorker(settings.plan, index, count),
      } satisfies ToWorker,
    );
    this.#workers.push(worker);
  }
}
