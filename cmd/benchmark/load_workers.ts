/**
 * Worker threads of one run.
 *
 * @module
 */

import { Collector, planForWorker, share } from "../../src/load/mod.ts";
import { UsageError } from "../shared/program.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import type { RunOrder } from "./run_order.ts";

/** Starts workers, lets them connect, and collects their measurements. */
export class LoadWorkers {
  /** Measurements of all workers. */
  readonly collector: Collector;
  /** Resolves when all workers are connected; rejects with a {@link UsageError} when one fails to connect. */
  readonly ready: Promise<void>;
  /** Resolves when all workers have sent their results; rejects when one crashes. */
  readonly done: Promise<void>;
  readonly #workers: Worker[] = [];

  /** Starts `count` workers, which connect immediately. */
  constructor(order: RunOrder, count: number) {
    this.collector = new Collector(order.settings.plan.intervalMs);
    const ready = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.done = done.promise;
    // A failure before the start rejects `ready`; `done` has no listener yet.
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

  /** Schedules the start of the warm-up, in ms since the Unix epoch. */
  start(atEpochMs: number): void {
    this.#tell({ type: "start", atEpochMs });
  }

  /** Stops starting calls; `done` resolves when those in flight have ended. */
  stop(): void {
    this.#tell({ type: "stop" });
  }

  /** Ends the threads; those that have sent their results end by themselves. */
  end(): void {
    this.#tell({ type: "end" });
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
        calls: subject.calls,
        flow: subject.flow,
        plan: planForWorker(settings.plan, index, count),
      } satisfies ToWorker,
    );
    this.#workers.push(worker);
  }
}
