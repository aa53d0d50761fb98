/**
 * Plan of a run, as plain data that can be posted to workers.
 *
 * @module
 */

import type { Arrivals } from "./schedule.ts";
import type { StageSettings } from "./stages.ts";

/** Closed: a slot starts a call when its previous one has ended. Open: calls start on schedule. */
export type LoadMode = "closed" | "open";

/** Load of one run. */
export interface LoadPlan {
  /** Closed or open loop. Open needs a rate. */
  readonly mode: LoadMode;
  /** Calls per second of all workers together, with stages the highest; undefined for no limit. */
  readonly ratePerSecond?: number;
  /** Stages of the rate, which are as long as the run; undefined for one rate. */
  readonly stages?: readonly StageSettings[];
  /** Spacing of intended send times when there is a rate. */
  readonly arrivals: Arrivals;
  /** Number of measured calls after which the run ends; undefined for no limit. */
  readonly requests?: number;
  /** Measuring time after which the run ends, in ms; undefined for no limit. */
  readonly durationMs?: number;
  /** Time under load before measuring starts, in ms; 0 for none. */
  readonly warmupMs: number;
  /** Longest wait for calls in flight at the end, in ms. */
  readonly drainMs: number;
  /** Time without the end of any call after which the run ends, in ms; undefined for no limit. */
  readonly stallMs?: number;
  /** Length of an interval of the time series, in ms. */
  readonly intervalMs: number;
  /** Seed of all randomness. */
  readonly seed: number;
}

/** Share of a plan that one worker runs. */
export interface WorkerPlan extends LoadPlan {
  /** Number of this worker, from 0. */
  readonly worker: number;
  /** Number of workers. */
  readonly workers: number;
}

/** Useful number of workers, and the reason for its limit. */
export interface WorkerCount {
  /** Workers to start. */
  readonly workers: number;
  /** What limited the number; undefined when it is the requested one. */
  readonly reason?: string;
}

// A single worker can pace far more; below this rate a second one only takes CPU from the server.
const OPEN_RATE_PER_WORKER = 25_000;

/**
 * Limits the requested `threads` to the useful number: at most the connections, cores and requests, and in
 * an open loop at most what the rate needs, because a worker that paces calls keeps a core busy.
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
    limit(needed, `${plan.ratePerSecond} calls/s do not need more`);
  }
  return { workers, reason };
}

/** Returns part `index` of `total` split into `parts`: the first parts take the remainder, one each. */
export function share(total: number, index: number, parts: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}

/** Returns the share of worker number `worker` of `workers`. */
export function planForWorker(plan: LoadPlan, worker: number, workers: number): WorkerPlan {
  const requests = plan.requests === undefined ? undefined : share(plan.requests, worker, workers);
  return { ...plan, requests, worker, workers };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
