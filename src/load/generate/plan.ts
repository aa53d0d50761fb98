/**
 * What is to be run, as plain data that can be posted to workers.
 *
 * @module
 */

import type { Arrivals } from "./schedule.ts";

/** Closed: a slot's next call waits for its last one. Open: calls start on schedule, whatever happens. */
export type LoadMode = "closed" | "open";

/** The load of one run. */
export interface LoadPlan {
  /** Closed or open loop. Open needs a rate. */
  readonly mode: LoadMode;
  /** Calls per second of all workers together; undefined for as many as possible. */
  readonly ratePerSecond?: number;
  /** How intended send times are spaced when there is a rate. */
  readonly arrivals: Arrivals;
  /** Ends the run after so many measured calls; undefined for no cap. */
  readonly requests?: number;
  /** Ends the run after so many ms; undefined for no limit of time. */
  readonly durationMs?: number;
  /** Load put on before measuring starts, in ms; 0 for none. */
  readonly warmupMs: number;
  /** How long to wait for calls under way at the end, in ms. */
  readonly drainMs: number;
  /** Width of a point of the time series in ms. */
  readonly intervalMs: number;
  /** Decides everything that is random. */
  readonly seed: number;
}

/** One worker's share of a plan. */
export interface WorkerPlan extends LoadPlan {
  /** This worker's number, from 0. */
  readonly worker: number;
  /** How many workers there are. */
  readonly workers: number;
}

/** A number of workers that is of use, and why it isn't more. */
export interface WorkerCount {
  /** Workers to start. */
  readonly workers: number;
  /** For people: what limited it; undefined when it is what was asked for. */
  readonly reason?: string;
}

// One worker paces far more than this; below it, a second one would only take CPU from the server.
const OPEN_RATE_PER_WORKER = 25_000;

/**
 * How many of the `threads` asked for are of use: no more than connections, cores or requests, and in an
 * open loop no more than the rate needs, because a worker that paces calls keeps a core busy.
 */
export function usefulWorkers(
  threads: number,
  limits: { connections: number; cores: number; plan: LoadPlan },
): WorkerCount {
  const { connections, cores, plan } = limits;
  let workers = threads;
  let reason: string | undefined;
  const limit = (count: number, why: string) => {
    if (count >= workers) return;
    workers = Math.max(1, count);
    reason = why;
  };
  limit(connections, plural(connections, "connection"));
  limit(cores, plural(cores, "core"));
  if (plan.requests !== undefined && plan.durationMs === undefined) {
    limit(plan.requests, plural(plan.requests, "request"));
  }
  if (plan.ratePerSecond !== undefined) {
    const needed = Math.ceil(plan.ratePerSecond / OPEN_RATE_PER_WORKER);
    limit(needed, `${plan.ratePerSecond} calls/s need no more`);
  }
  return { workers, reason };
}

/** Part `index` of `total` dealt evenly to `parts`: the first ones get one more when it doesn't divide. */
export function share(total: number, index: number, parts: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}

/** The share of a plan that worker number `worker` of `workers` runs. */
export function planForWorker(plan: LoadPlan, worker: number, workers: number): WorkerPlan {
  const requests = plan.requests === undefined ? undefined : share(plan.requests, worker, workers);
  return { ...plan, requests, worker, workers };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
