/**
 * Progress line for terminals.
 *
 * @module
 */

import type { LiveFigures } from "../measure/collector.ts";
import { count, duration, microseconds } from "../measure/units.ts";

/** Formats one line without a line feed: elapsed time, current rate and latency, failures. */
export function progressLine(
  run: { readonly elapsedMs: number; readonly durationMs?: number; readonly requests?: number },
  live: LiveFigures,
): string {
  const calls = count(live.total) +
    (run.requests === undefined ? "" : ` of ${count(run.requests)}`);
  const latency = (us: number | null) => us === null ? "-" : microseconds(us);
  return [
    timeText(run),
    `${calls} calls`,
    `${count(live.rateNow)}/s`,
    `p50 ${latency(live.p50Us)}`,
    `p99 ${latency(live.p99Us)}`,
    `${count(live.failed)} failed`,
  ].join(" · ");
}

/** Formats how long a run has lasted, and how long it will. */
export function timeText(
  run: { readonly elapsedMs: number; readonly durationMs?: number },
): string {
  if (run.elapsedMs < 0) return `warming up, ${duration(-run.elapsedMs)} left`;
  const elapsed = duration(Math.floor(run.elapsedMs / 1000) * 1000).replace(/^0 ms$/, "0 s");
  return elapsed + (run.durationMs === undefined ? "" : ` of ${duration(run.durationMs)}`);
}
