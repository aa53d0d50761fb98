/**
 * Conditions such as `p99>5ms` under which a benchmark fails, for scripts.
 *
 * @module
 */

import { histogramOf, type RunResult } from "../measure/result.ts";
import type { CheckSummary } from "../measure/flow_counts.ts";
import { didYouMean } from "../../rpc/dispatch/name_suggestion.ts";
import { count, microseconds, parseDurationMs } from "../measure/units.ts";

/** Parsed condition. */
export interface Condition {
  /** Text of the condition. */
  readonly text: string;
  /** Returns whether it holds, the measured value, formatted, and whether there was one. */
  check(result: RunResult): Checked;
}

/** What a condition is checked on: a run, a stage or a method. */
type Measured =
  & Pick<
    RunResult,
    | "totalRequests"
    | "successfulRequests"
    | "failedRequests"
    | "successRate"
    | "requestsPerSecond"
    | "latency"
  >
  & {
    readonly unfinished: number;
    readonly missed: number;
    readonly due: number;
    readonly checks?: readonly CheckSummary[];
  };

/** Outcome of a check. Without a measured value the condition holds. */
export interface Checked {
  /** Whether the condition holds. */
  readonly holds: boolean;
  /** Measured value, formatted. */
  readonly found: string;
  /** Whether a value was measured. */
  readonly measured: boolean;
}

type Operator = ">" | ">=" | "<" | "<=" | "==" | "!=";

interface Metric {
  kind: "latency" | "count" | "rate" | "fraction";
  /** Returns the value; null when nothing was measured. */
  of(result: Measured): number | null;
}

const latency = (of: (result: Measured) => number | null): Metric => ({ kind: "latency", of });
const counted = (of: (result: Measured) => number | null): Metric => ({ kind: "count", of });
/** Makes a getter that returns null for a result without calls, and otherwise what `of` returns. */
const ofCalls = (of: (result: Measured) => number) => (result: Measured) =>
  result.totalRequests === 0 ? null : of(result);
const rate: Metric = {
  kind: "rate",
  of: (r) => r.successfulRequests === 0 ? null : r.requestsPerSecond,
};

/** Share of the checks of flows that passed. */
const checks: Metric = {
  kind: "fraction",
  of({ checks = [] }) {
    const passed = checks.reduce((sum, one) => sum + one.passed, 0);
    const all = checks.reduce((sum, one) => sum + one.passed + one.failed, 0);
    return all === 0 ? null : passed / all;
  },
};

const METRICS: Record<string, Metric> = {
  avg: latency((r) => r.latency.meanUs),
  mean: latency((r) => r.latency.meanUs),
  min: latency((r) => r.latency.minUs),
  max: latency((r) => r.latency.maxUs),
  rps: rate,
  rate,
  checks,
  success: { kind: "fraction", of: ofCalls((r) => r.successRate) },
  total: counted((r) => r.totalRequests),
  successful: counted((r) => r.successfulRequests),
  failed: counted(ofCalls((r) => r.failedRequests)),
  errors: counted(ofCalls((r) => r.failedRequests)),
  missed: counted((r) => r.missed),
  unfinished: counted(ofCalls((r) => r.unfinished)),
};

const NAMES = ["p50", "p90", "p99", "p99.9", ...Object.keys(METRICS)];

/**
 * Parses conditions separated by commas: a metric (`p50` … any percentile, `avg`, `min`, `max`, `rps`, `success`,
 * `total`, `successful`, `failed`, `errors`, `missed`, `unfinished`), one of `> >= < <= == !=`, and a value: a
 * duration with its unit for latencies, a number, or a percentage. Latencies and rates are those of successful calls. A
 * condition on something that was not measured holds. `name:` before it limits it to that stage or method, of which
 * `parts` has the names; of a method, the last part is enough. Throws TypeError for anything else.
 */
export function parseConditions(text: string, parts: readonly string[] = []): Condition[] {
  return text.split(",").map((part) => parseCondition(part.trim(), parts));
}

function parseCondition(text: string, parts: readonly string[]): Condition {
  const match = /^(?:(\S+):)?([a-z][a-z0-9.]*)\s*(>=|<=|==|!=|>|<)\s*(\S+)$/i.exec(text);
  if (!match) {
    throw new TypeError(
      `Cannot read condition "${text}": use a form like p99>5ms, failed>0, rps<1000 or success<99.9%`,
    );
  }
  const [, part, name, operator, value] = match;
  if (part !== undefined && !parts.some((one) => isNamed(one, part))) {
    throw new TypeError(
      `Unknown stage or method "${part}" in "${text}"` +
        (didYouMean(part, parts) || (parts.length === 0 ? "" : `: there are ${parts.join(", ")}`)),
    );
  }
  const metric = metricOf(name.toLowerCase());
  if (!metric) {
    throw new TypeError(
      `Unknown metric "${name}" in "${text}": it must be a percentile such as p99 or p99.9, or one of ` +
        Object.keys(METRICS).join(", ") + didYouMean(name, NAMES),
    );
  }
  const limit = limitOf(metric, value, text);
  return {
    text,
    check(run) {
      const result = measuredOf(run, part);
      if (result === undefined) {
        return { holds: true, found: "nothing was measured", measured: false };
      }
      const found = limit.percent ? percentOf(metric, result) : metric.of(result);
      if (found === null) return { holds: true, found: nothing(result), measured: false };
      return {
        holds: compare(found, operator as Operator, limit.value),
        found: shown(metric, found, limit.percent),
        measured: true,
      };
    },
  };
}

function isNamed(name: string, part: string): boolean {
  return name === part || name.split("/").at(-1) === part;
}

function measuredOf(run: RunResult, name: string | undefined): Measured | undefined {
  if (name === undefined) {
    const { missed = 0, due = run.totalRequests } = run.schedule ?? {};
    return { ...run, missed, due, checks: run.flow?.checks };
  }
  const flow = run.flow ? [run.flow] : [];
  const part = [...run.stages, ...run.methods, ...flow].find((one) => isNamed(one.name, name));
  // One method is not counted separately.
  if (part === undefined) {
    return run.settings.methods.length === 1 ? measuredOf(run, undefined) : part;
  }
  return { ...part, unfinished: 0, due: part.totalRequests + part.missed };
}

function metricOf(name: string): Metric | undefined {
  if (Object.hasOwn(METRICS, name)) return METRICS[name];
  const percentile = /^p(\d{1,2}(?:\.\d+)?|100)$/.exec(name);
  if (!percentile) return undefined;
  const p = Number(percentile[1]);
  return latency((r) => r.latency.percentilesUs[`p${p}`] ?? percentileOf(r, p));
}

function percentileOf(result: Measured, percentile: number): number | null {
  if (result.latency.count === 0) return null;
  return histogramOf(result.latency).percentileNs(percentile) / 1000;
}

function nothing({ totalRequests }: Measured): string {
  return totalRequests === 0
    ? "nothing was measured, not one call ended"
    : `nothing was measured, not one of ${count(totalRequests)} calls succeeded`;
}

function limitOf(metric: Metric, text: string, whole: string): { value: number; percent: boolean } {
  const percent = /^(\d+\.?\d*|\.\d+)%$/.exec(text);
  if (percent && (metric.kind === "fraction" || metric.kind === "count")) {
    return { value: Number(percent[1]), percent: true };
  }
  if (metric.kind === "latency") {
    const ms = /[a-zµμ]$/.test(text) ? parseDurationMs(text) : undefined;
    if (ms !== undefined) return { value: ms * 1000, percent: false };
    throw new TypeError(
      `Cannot read "${text}" in "${whole}": a latency needs a unit, for example 5ms`,
    );
  }
  if (/^(\d+\.?\d*|\.\d+)$/.test(text)) return { value: Number(text), percent: false };
  throw new TypeError(`Cannot read "${text}" in "${whole}": it must be a number`);
}

function percentOf(metric: Metric, result: Measured): number | null {
  const value = metric.of(result);
  if (value === null) return null;
  if (metric.kind === "fraction") return value * 100;
  const whole = metric === METRICS.missed ? result.due : result.totalRequests;
  return whole === 0 ? null : value / whole * 100;
}

function compare(found: number, operator: Operator, limit: number): boolean {
  switch (operator) {
    case ">":
      return found > limit;
    case ">=":
      return found >= limit;
    case "<":
      return found < limit;
    case "<=":
      return found <= limit;
    case "==":
      return found === limit;
    case "!=":
      return found !== limit;
  }
}

function shown(metric: Metric, value: number, percent: boolean): string {
  if (percent) return `${value.toFixed(2)}%`;
  if (metric.kind === "latency") return microseconds(value);
  return metric.kind === "count" ? count(value) : value.toFixed(metric.kind === "rate" ? 2 : 4);
}
