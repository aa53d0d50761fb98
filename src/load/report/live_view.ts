/**
 * View of a run on a terminal: rate, latencies and failures of the last second, and the rate and p99 until now.
 *
 * @module
 */

import { printable } from "../../call/printable.ts";
import type { LiveFigures, LiveHistory } from "../measure/collector.ts";
import { count, microseconds } from "../measure/units.ts";
import { timeText } from "./progress.ts";

/** What is shown during a run. */
export interface LiveState {
  /** What runs: the method, the trial or the round. */
  readonly label: string;
  /** Time since measuring started, in ms; negative during the warm-up. */
  readonly elapsedMs: number;
  /** Planned time in ms; undefined without a limit. */
  readonly durationMs?: number;
  /** Planned calls; undefined without a limit. */
  readonly requests?: number;
  /** Name of the current stage; undefined without stages. */
  readonly stage?: string;
  /** Figures of the last second. */
  readonly live: LiveFigures;
  /** Figures of each interval until now. */
  readonly history: LiveHistory;
}

const WIDE = 80;
const LEAST_COLUMNS = 20;
const BARS = "▁▂▃▄▅▆▇█";

/** Renders the view in lines of at most `columns` characters. */
export function liveView(state: LiveState, columns: number): string[] {
  const width = Math.max(LEAST_COLUMNS, columns);
  const { live, history } = state;
  const us = (value: number | null) => value === null ? "-" : microseconds(value);
  const ended = live.total === 0 ? 0 : live.failed / live.total * 100;
  const figures = [
    ["rate", `${count(live.rateNow)}/s`],
    ["p50", us(live.p50Us)],
    ["p99", us(live.p99Us)],
    ["calls", count(live.total)],
    ["failed", `${count(live.failed)} (${ended.toFixed(2)} %)`],
  ];
  const head = [state.label, timeText(state), ...(state.stage ? [`stage ${state.stage}`] : [])];
  const lines = width >= WIDE
    ? [head.join(" · "), figures.map(([name, value]) => `${name} ${value.padEnd(9)}`).join("  ")]
    : [...head, ...figures.map(([name, value]) => `${name.padEnd(7)}${value}`)];
  const space = width - 8;
  lines.push(`rate   ${sparkline(history.rates, space)}`);
  lines.push(`p99    ${sparkline(history.p99Us.map((value) => value ?? 0), space)}`);
  const done = shareDone(state);
  if (done !== undefined) lines.push(progressBar(done, Math.min(width, 60)));
  return lines.map((line) => cut(printable(line), width));
}

/** Draws values as bars from 0 to the largest, the last one on the right; several share a bar when there are too many. */
export function sparkline(values: readonly number[], width: number): string {
  const per = Math.max(1, Math.ceil(values.length / width));
  const means: number[] = [];
  for (let i = 0; i < values.length; i += per) {
    const some = values.slice(i, i + per);
    means.push(some.reduce((a, b) => a + b, 0) / some.length);
  }
  const most = Math.max(...means, 0);
  return means.map((value) =>
    most === 0 ? BARS[0] : BARS[Math.min(BARS.length - 1, Math.floor(value / most * BARS.length))]
  ).join("");
}

function shareDone({ elapsedMs, durationMs, requests, live }: LiveState): number | undefined {
  if (durationMs === undefined && requests === undefined) return undefined;
  const byTime = durationMs === undefined ? 0 : elapsedMs / durationMs;
  const byCalls = requests === undefined ? 0 : live.total / requests;
  return Math.min(1, Math.max(0, byTime, byCalls));
}

function progressBar(share: number, width: number): string {
  const percent = ` ${Math.floor(share * 100)} %`.padStart(6);
  const room = width - percent.length;
  const full = Math.round(share * room);
  return "█".repeat(full) + "░".repeat(room - full) + percent;
}

function cut(line: string, width: number): string {
  const characters = [...line];
  return characters.length <= width ? line : characters.slice(0, width - 1).join("") + "…";
}
