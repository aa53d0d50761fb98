/**
 * When calls are meant to start in an open loop: decided before the run, whatever the server does.
 *
 * @module
 */

import { Random } from "./random.ts";

/** How intended send times are spaced. */
export type Arrivals = "uniform" | "poisson";

/** A sequence of intended send times. */
export interface Schedule {
  /** The next intended time in ms after the schedule's start; never decreases. */
  next(): number;
}

/** What {@link makeSchedule} takes. */
export interface ScheduleOptions {
  /** Evenly spaced, or independent of each other as from many users. */
  readonly arrivals: Arrivals;
  /** Calls per second of all workers together, above 0. */
  readonly ratePerSecond: number;
  /** This worker's number, from 0. */
  readonly worker: number;
  /** How many workers share the rate. */
  readonly workers: number;
  /** Decides Poisson arrivals. */
  readonly seed: number;
}

/**
 * One worker's share of the schedule. Uniform arrivals are dealt to the workers in turn, so that together
 * they are evenly spaced; independent Poisson processes add up to one Poisson process.
 */
export function makeSchedule(options: ScheduleOptions): Schedule {
  const { arrivals, ratePerSecond, worker, workers, seed } = options;
  const gapMs = 1000 / ratePerSecond;
  if (arrivals === "uniform") {
    let index = worker;
    return {
      next() {
        // A product, not a running sum: no rounding error gathers over hours.
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
