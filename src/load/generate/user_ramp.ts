/**
 * Number of users at a time, in stages in which it is constant or changes evenly.
 *
 * @module
 */

import type { StageSettings } from "../measure/result.ts";
import { share, type WorkerPlan } from "./plan.ts";

/** Returns the most users at a time of stages; undefined for stages with rates. */
export function mostUsers(stages: readonly StageSettings[] | undefined): number | undefined {
  const users = stages?.flatMap((stage) => stage.users ?? []);
  return users === undefined || users.length === 0 ? undefined : Math.max(...users);
}

/** Share of one worker in the users of stages. */
export class UserRamp {
  readonly #plan: WorkerPlan;
  readonly #measureMs: number;

  private constructor(plan: WorkerPlan, measureMs: number) {
    this.#plan = plan;
    this.#measureMs = measureMs;
  }

  /** Returns the ramp of a plan whose first stage begins at `measureMs`; undefined without users in its stages. */
  static of(plan: WorkerPlan, measureMs: number): UserRamp | undefined {
    return mostUsers(plan.stages) === undefined ? undefined : new UserRamp(plan, measureMs);
  }

  /** Returns how many users of this worker are there at a time; before the first stage those with which it begins. */
  active(atMs: number): number {
    const { worker, workers } = this.#plan;
    return share(Math.round(this.#all(Math.max(0, atMs - this.#measureMs))), worker, workers);
  }

  #all(atMs: number): number {
    let startMs = 0;
    for (const { durationMs, users = [0, 0] } of this.#plan.stages!) {
      if (atMs < startMs + durationMs) {
        return users[0] + (users[1] - users[0]) * (atMs - startMs) / durationMs;
      }
      startMs += durationMs;
    }
    return 0;
  }
}
