/**
 * Intended send times of an open loop, independent of the server.
 *
 * @module
 */

import { Random } from "./random.ts";
import { type StageSettings, StageTimes } from "./stages.ts";

/** Spacing of intended send times. */
export type Arrivals = "uniform" | "poisson";

/** Sequence of intended send times. */
export interface Schedule {
  /** Returns the next intended time, in ms after the start of the schedule; never decreases. */
  next(): number;
}

/** Options of {@link makeSchedule}. */
export interface ScheduleOptions {
  /** Evenly spaced, or independent as from many users. */
  readonly arrivals: Arrivals;
  /** Calls per second of all workers together, above 0. */
  readonly ratePerSecond: number;
  /** Number of this worker, from 0. */
  readonly worker: number;
  /** Number of workers that share the rate. */
  readonly workers: number;
  /** Seed of Poisson arrivals. */
  readonly seed: number;
  /** Stages, whose rates take the place of `ratePerSecond`; the schedule ends with them. Default: none. */
  readonly stages?: readonly StageSettings[];
  /** Time before the stages, in ms, at the rate with which they begin. Default: 0. */
  readonly warmupMs?: number;
}

/**
 * Creates one worker's share of the schedule. Workers take uniform arrivals in turn, so that together they
 * are evenly spaced; independent Poisson processes add up to one Poisson process.
 */
export function makeSchedule(options: ScheduleOptions): Schedule {
  const { arrivals, ratePerSecond, worker, workers, seed, stages } = options;
  if (stages) return stagedSchedule(options, stages);
  const gapMs = 1000 / ratePerSecond;
  if (arrivals === "uniform") {
    let index = worker;
    return {
      next() {
        // A product instead of a running sum: rounding errors do not accumulate.
        const atMs = index * gapMs;
        index += workers;
        return atMs;
      },
    };
  }
  const random = new Random(seed, worker + 1);
  let atMs = 0;
  return { next: () => atMs += random.exponential(gapMs * workers) };
}

function stagedSchedule(
  { arrivals, worker, workers, seed, warmupMs = 0 }: ScheduleOptions,
  stages: readonly StageSettings[],
): Schedule {
  const [{ fromRate }] = stages;
  const warmup = { name: "", durationMs: warmupMs, fromRate, toRate: fromRate };
  const times = new StageTimes(warmupMs > 0 ? [warmup, ...stages] : stages);
  if (arrivals === "uniform") {
    let index = worker - workers;
    return { next: () => times.timeOf(index += workers) };
  }
  const random = new Random(seed, worker + 1);
  let calls = 0;
  return { next: () => times.timeOf(calls += random.exponential(workers)) };
}
