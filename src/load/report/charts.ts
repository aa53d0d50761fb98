/**
 * Data of the charts in the HTML report.
 *
 * @module
 */

import type { Histogram } from "../measure/histogram.ts";
import { histogramOf, type LatencySummary, type RunResult } from "../measure/result.ts";

/** Unit of an axis. */
export type AxisUnit = "percentile" | "logLatency" | "latency" | "seconds" | "rate" | "count";

/** Line or set of bars. */
export interface ChartSeries {
  /** Label in the legend. */
  readonly label: string;
  /** Colour of the page's palette. */
  readonly color: "first" | "second" | "third" | "before" | "failure";
  /** Style. */
  readonly draw: "line" | "area" | "bars" | "dashes";
  /** One value for each `x` of the chart; null leaves a gap. */
  readonly values: readonly (number | null)[];
}

/** Chart. */
export interface Chart {
  /** Title. */
  readonly title: string;
  /** Explanation below the title. */
  readonly hint: string;
  /** Unit of `x`. Percentiles are given as −log10(1 − p), logarithmic latencies as log10(µs). */
  readonly xUnit: AxisUnit;
  /** Unit of the values. Latencies are in µs. */
  readonly yUnit: AxisUnit;
  /** Whether the y axis is logarithmic. */
  readonly logY: boolean;
  /** Positions, ascending. */
  readonly x: readonly number[];
  /** Series in drawing order: the last covers the others. */
  readonly series: readonly ChartSeries[];
}

/** Builds the charts of a run, with an older run overlaid if given. */
export function chartsOf(result: RunResult, before?: RunResult): Chart[] {
  return [
    percentileChart(result, before),
    histogramChart(result, before),
    throughputChart(result, before),
    latencyOverTime(result, before),
    failuresOverTime(result),
  ];
}

// Ratio of largest to smallest value above which a linear axis hides the small ones.
const LOG_RATIO = 20;

function percentileChart(result: RunResult, before?: RunResult): Chart {
  const most = Math.max(10, result.latency.count, before?.latency.count ?? 0);
  const end = Math.min(6, Math.log10(most));
  const x: number[] = [];
  for (let at = 0; at < end; at += 0.02) x.push(at);
  x.push(end);
  const line = (
    label: string,
    summary: LatencySummary,
    color: ChartSeries["color"],
    draw: ChartSeries["draw"],
  ): ChartSeries => {
    const histogram = histogramOf(summary);
    const last = Math.log10(Math.max(1, histogram.count));
    return {
      label,
      color,
      draw,
      values: x.map((at) =>
        histogram.count === 0 || at > last + 0.02
          ? null
          : histogram.percentileNs((1 - 10 ** -at) * 100) / 1000
      ),
    };
  };
  const series: ChartSeries[] = [];
  if (before) series.push(line("latency before", before.latency, "before", "dashes"));
  if (result.serverTime) series.push(line("server time", result.serverTime, "third", "line"));
  if (result.serviceTime) series.push(line("service time", result.serviceTime, "second", "line"));
  series.push(line("latency", result.latency, "first", "line"));
  return {
    title: "Latency by percentile",
    hint:
      "Latency that the given share of calls did not exceed; the slowest calls are on the right.",
    xUnit: "percentile",
    yUnit: "latency",
    logY: needsLog(series),
    x,
    series,
  };
}

function histogramChart(result: RunResult, before?: RunResult): Chart {
  const summaries = before ? [result.latency, before.latency] : [result.latency];
  const filled = summaries.filter((summary) => summary.count > 0);
  const lowUs = Math.max(0.1, Math.min(...filled.map((s) => s.minUs!)));
  const highUs = Math.max(...filled.map((s) => s.maxUs!), lowUs * 1.1);
  if (filled.length === 0) return emptyHistogram();
  const low = Math.log10(lowUs);
  const step = Math.max(0.005, (Math.log10(highUs) - low) / 60);
  const x: number[] = [];
  for (let at = low; at < Math.log10(highUs); at += step) x.push(at + step / 2);
  const shares = (histogram: Histogram): (number | null)[] => {
    let seen = 0;
    return x.map((middle, i) => {
      const upTo = i === x.length - 1 ? Infinity : 10 ** (middle + step / 2) * 1000;
      const below = upTo === Infinity ? histogram.count : histogram.countAtOrBelowNs(
        Math.floor(upTo),
      );
      const calls = below - seen;
      seen = below;
      return calls;
    });
  };
  const series: ChartSeries[] = [
    { label: "calls", color: "first", draw: "bars", values: shares(histogramOf(result.latency)) },
  ];
  if (before) {
    series.push({
      label: "calls before",
      color: "before",
      draw: "dashes",
      values: shares(histogramOf(before.latency)),
    });
  }
  return { ...emptyHistogram(), x, series };
}

function emptyHistogram(): Chart {
  return {
    title: "Histogram of latency",
    hint: "Number of calls by latency, on a logarithmic scale.",
    xUnit: "logLatency",
    yUnit: "count",
    logY: false,
    x: [],
    series: [],
  };
}

function throughputChart(result: RunResult, before?: RunResult): Chart {
  const x = timesOf(result, before);
  const series: ChartSeries[] = [{
    label: "successful calls/s",
    color: "first",
    draw: "area",
    values: overTime(x, result, (p, ms) => p.successful / ms * 1000),
  }];
  if (before) {
    series.push({
      label: "before",
      color: "before",
      draw: "dashes",
      values: overTime(x, before, (p, ms) => p.successful / ms * 1000),
    });
  }
  return {
    title: "Throughput over time",
    hint: "Successful calls per second.",
    xUnit: "seconds",
    yUnit: "rate",
    logY: false,
    x,
    series,
  };
}

function latencyOverTime(result: RunResult, before?: RunResult): Chart {
  const x = timesOf(result, before);
  const series: ChartSeries[] = [];
  if (before) {
    series.push({
      label: "p99 before",
      color: "before",
      draw: "dashes",
      values: overTime(x, before, (p) => p.p99Us),
    });
  }
  series.push(
    { label: "max", color: "third", draw: "line", values: overTime(x, result, (p) => p.maxUs) },
    { label: "p99", color: "second", draw: "line", values: overTime(x, result, (p) => p.p99Us) },
    { label: "p50", color: "first", draw: "line", values: overTime(x, result, (p) => p.p50Us) },
  );
  return {
    title: "Latency over time",
    hint: "Latency of the calls that ended in each interval.",
    xUnit: "seconds",
    yUnit: "latency",
    logY: needsLog(series),
    x,
    series,
  };
}

function failuresOverTime(result: RunResult): Chart {
  const x = timesOf(result);
  return {
    title: "Failed calls over time",
    hint: result.failedRequests === 0
      ? "No call failed."
      : "Calls that failed in each interval; the codes are in the table below.",
    xUnit: "seconds",
    yUnit: "count",
    logY: false,
    x,
    series: [{
      label: "failed calls",
      color: "failure",
      draw: "bars",
      values: overTime(x, result, (p) => p.failed),
    }],
  };
}

/** Returns the middles of the intervals of the longer time series, in seconds. */
function timesOf(result: RunResult, before?: RunResult): number[] {
  const { intervalMs, timeline } = result;
  const spanMs = Math.max(
    timeline.length * intervalMs,
    before ? before.timeline.length * before.intervalMs : 0,
  );
  const x: number[] = [];
  for (let ms = intervalMs / 2; ms < spanMs; ms += intervalMs) x.push(ms / 1000);
  return x;
}

function overTime(
  x: readonly number[],
  run: RunResult,
  of: (point: RunResult["timeline"][number], lengthMs: number) => number | null,
): (number | null)[] {
  return x.map((second) => {
    const point = run.timeline[Math.floor(second * 1000 / run.intervalMs)];
    if (!point) return null;
    // The last interval may be shorter: it ends with the run.
    const lengthMs = Math.min(run.intervalMs, run.durationMs - point.atMs);
    // A very short last interval would show as a peak or a gap.
    return lengthMs < run.intervalMs / 4 && run.timeline.length > 1 ? null : of(point, lengthMs);
  });
}

function needsLog(series: readonly ChartSeries[]): boolean {
  const values = series.flatMap((s) => s.values).filter((v) => v !== null && v > 0) as number[];
  if (values.length === 0) return false;
  return values.reduce((a, b) => Math.max(a, b)) >
    LOG_RATIO * values.reduce((a, b) => Math.min(a, b));
}
