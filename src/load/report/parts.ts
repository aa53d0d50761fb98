/**
 * Texts about the stages, the methods and the limit of a run.
 *
 * @module
 */

import type { LimitSummary, MethodSettings, StageSettings } from "../measure/result.ts";
import { count, duration } from "../measure/units.ts";

/** Formats the length and rate of a stage: `30 s at 100 to 2,000/s`. */
export function stageText({ durationMs, fromRate, toRate, users }: StageSettings): string {
  if (users) {
    const [from, to] = users;
    return `${duration(durationMs)} with ${from === to ? from : `${from} to ${to}`} users`;
  }
  const rate = fromRate === toRate ? count(fromRate) : `${count(fromRate)} to ${count(toRate)}`;
  return `${duration(durationMs)} at ${rate}/s`;
}

/** Formats the weight of a method: `weight 3`. */
export function weightText({ weight }: MethodSettings): string {
  return `weight ${weight}`;
}

/** Formats a limit: `4,940 calls/s; at 5,040 it fails`. */
export function limitText({ ratePerSecond, failedRate }: LimitSummary): string {
  if (ratePerSecond === null) return "it holds at no rate";
  const holds = `${count(ratePerSecond)} calls/s`;
  return failedRate === null ? `above ${holds}` : `${holds}; at ${count(failedRate)} it fails`;
}
