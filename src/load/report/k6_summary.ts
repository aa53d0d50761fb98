/**
 * The report in the shape that k6 gives to `handleSummary()`, for programs that read it. Durations are in ms, as there.
 *
 * @module
 */

import { printableLines } from "../../call/printable.ts";
import { histogramOf, type LatencySummary, type RunResult } from "../measure/result.ts";
import type { CheckSummary } from "../measure/flow_counts.ts";
import type { Condition } from "./fail_if.ts";

/** Metric of k6. */
interface Metric {
  readonly type: "trend" | "counter" | "rate" | "gauge";
  readonly contains: "time" | "default" | "data";
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** Renders one run; conditions of `--fail-if` are thresholds, which are ok when they do not hold. */
export function k6Summary(result: RunResult, conditions: readonly Condition[]): string {
  const { settings, durationMs } = result;
  const summary = {
    root_group: {
      name: "",
      path: "",
      id: "d41d8cd98f00b204e9800998ecf8427e",
      groups: [],
      checks: [],
    },
    options: { summaryTrendStats: TREND_STATS, summaryTimeUnit: "", noColor: true },
    state: { isStdOutTTY: false, isStdErrTTY: false, testRunDurationMs: durationMs },
    metrics: metricsOf(result, conditions),
    setup_data: { server: settings.server, method: settings.method, tags: settings.tags },
  };
  return printableLines(JSON.stringify(summary, null, 2)) + "\n";
}

const TREND_STATS = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)", "count"];

function metricsOf(result: RunResult, conditions: readonly Condition[]): Record<string, Metric> {
  const { settings, totalRequests, failedRequests, successfulRequests, bytes } = result;
  const { flow } = result;
  // Without checks, each call is one.
  const sum = (of: (one: CheckSummary) => number) =>
    flow!.checks.reduce((all, one) => all + of(one), 0);
  const [passed, failed] = flow?.checks.length
    ? [sum((one) => one.passed), sum((one) => one.failed)]
    : [successfulRequests, failedRequests];
  const perSecond = (value: number) =>
    result.durationMs === 0 ? 0 : value / result.durationMs * 1000;
  const counter = (value: number, contains: Metric["contains"] = "default"): Metric => {
    return { type: "counter", contains, values: { count: value, rate: perSecond(value) } };
  };
  const thresholds = Object.fromEntries(
    conditions.map((one) => [`not ${one.text}`, { ok: !one.check(result).holds }]),
  );
  const vus = settings.connections * settings.streams;
  return {
    grpc_req_duration: { ...trend(result.latency), thresholds },
    iteration_duration: trend(flow?.latency ?? result.latency),
    iterations: counter(flow?.totalRequests ?? totalRequests),
    checks: {
      type: "rate",
      contains: "default",
      values: {
        rate: passed + failed === 0 ? 0 : passed / (passed + failed),
        passes: passed,
        fails: failed,
      },
    },
    data_sent: counter(bytes.sent, "data"),
    data_received: counter(bytes.received, "data"),
    dropped_iterations: counter(result.schedule?.missed ?? 0),
    vus: { type: "gauge", contains: "default", values: { value: vus, min: vus, max: vus } },
    vus_max: { type: "gauge", contains: "default", values: { value: vus, min: vus, max: vus } },
  };
}

/** Without successful calls there is no value, which k6 writes as 0. */
function trend(summary: LatencySummary): Metric {
  const histogram = histogramOf(summary);
  const ms = (us: number | null) => (us ?? 0) / 1000;
  // Buckets end a little above the largest value.
  const p = (percentile: number) =>
    Math.min(ms(histogram.percentileNs(percentile) / 1000), ms(summary.maxUs));
  return {
    type: "trend",
    contains: "time",
    values: {
      avg: ms(summary.meanUs),
      min: ms(summary.minUs),
      med: p(50),
      max: ms(summary.maxUs),
      "p(90)": p(90),
      "p(95)": p(95),
      "p(99)": p(99),
      "p(99.9)": p(99.9),
      count: summary.count,
    },
  };
}
