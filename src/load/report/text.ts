/**
 * The report as text, for terminals and logs. The first ten lines are a stable interface for scripts.
 *
 * @module
 */

import { printable } from "../../call/printable.ts";
import type { Comparison } from "./compare.ts";
import {
  type FlowSummary,
  histogramOf,
  type LatencySummary,
  type LimitSummary,
  type PartSummary,
  type RunResult,
  type TimePoint,
} from "../measure/result.ts";
import { alignedTable } from "./table.ts";
import { bytes, count, duration, microseconds, seconds } from "../measure/units.ts";
import { limitText, stageText, weightText } from "./parts.ts";

const BAR = 40;

/** Renders one run as text with a line feed at the end; with `comparison`, beside an older run. */
export function textReport(result: RunResult, comparison?: Comparison): string {
  const lines = [
    ...headLines(result),
    "",
    ...setupLines(result),
    "",
    ...latencyLines(result),
    "",
    ...histogramLines(result.latency),
    ...limitLines(result.limit),
    ...partLines("Stages", result.stages, result.settings.stages.map(stageText)),
    ...partLines("Methods", result.methods, result.settings.methods.map(weightText)),
    ...flowLines(result.flow),
    ...timelineLines(result),
    ...failureLines(result),
    ...scheduleLines(result),
    ...resourceLines(result),
    ...(comparison ? comparisonLines(comparison) : []),
    ...result.notes.map((note) => `Note: ${note}`),
  ];
  return lines.map(printable).join("\n") + "\n";
}

function headLines(result: RunResult): string[] {
  const { latency } = result;
  return [
    `=== ${result.title} Benchmark Results ===`,
    `Total requests: ${result.totalRequests}`,
    `Successful requests: ${result.successfulRequests}`,
    `Failed requests: ${result.failedRequests}`,
    `Success rate: ${(result.successRate * 100).toFixed(2)}%`,
    `Duration: ${seconds(result.durationMs)}`,
    `Requests per second: ${result.requestsPerSecond.toFixed(2)}`,
    `Average latency: ${orNone(latency.meanUs, (us) => `${us.toFixed(2)} μs`)}`,
    `Min latency: ${orNone(latency.minUs, (us) => `${Math.round(us)} μs`)}`,
    `Max latency: ${orNone(latency.maxUs, (us) => `${Math.round(us)} μs`)}`,
  ];
}

function orNone(value: number | null, show: (value: number) => string): string {
  return value === null ? "none" : show(value);
}

function setupLines({ settings, environment }: RunResult): string[] {
  const load = settings.mode === "open"
    ? `open loop, ${rateText(settings)}, ${settings.arrivals} arrivals`
    : settings.ratePerSecond === null
    ? "closed loop"
    : `closed loop, at most ${settings.ratePerSecond} calls/s`;
  return [
    `Server: ${settings.server} (${settings.transport}, ${settings.wire}` +
    `${settings.batch ? ", batched" : ""})`,
    `Method: ${settings.method}, ${bytes(settings.requestBytes)} a request`,
    ...tagLines(settings.tags),
    `Load: ${load}`,
    `Connections: ${settings.connections} with ${settings.streams} calls in flight each`,
    `Threads: ${settings.threads} of ${settings.threadsAsked} asked for`,
    `Warm-up: ${settings.warmupMs === 0 ? "none" : duration(settings.warmupMs)}`,
    `Seed: ${settings.seed}`,
    `Run on: ${environment.startedAt}, ${environment.runtime}, ${environment.system}, ` +
    `${environment.cores} cores`,
  ];
}

function rateText({ stages, ratePerSecond }: RunResult["settings"]): string {
  return stages.length === 0
    ? `${ratePerSecond} calls/s`
    : `${stages.length} stage${stages.length === 1 ? "" : "s"} up to ${ratePerSecond} calls/s`;
}

function tagLines(tags: RunResult["settings"]["tags"]): string[] {
  const texts = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  return texts.length === 0 ? [] : [`Tags: ${texts.join(", ")}`];
}

function limitLines(limit: LimitSummary | null): string[] {
  if (limit === null) return [];
  const { condition, trials } = limit;
  const rows = trials.map((trial) => [
    `${count(trial.ratePerSecond)}/s`,
    trial.holds ? "holds" : "fails",
    trial.found,
  ]);
  return [`Limit of ${condition}: ${limitText(limit)}`, ...alignedTable(rows), ""];
}

/** Renders the figures of stages or methods; nothing without them. */
function partLines(title: string, parts: readonly PartSummary[], whats: readonly string[]) {
  if (parts.length === 0) return [];
  const us = (value: number | null) => value === null ? "-" : microseconds(value);
  const rows = parts.map(({ latency, ...part }, i) => [
    part.name,
    whats[i] ?? "",
    count(part.requestsPerSecond),
    count(part.failedRequests),
    count(part.missed),
    us(latency.percentilesUs.p50),
    us(latency.percentilesUs.p99),
    us(latency.maxUs),
  ]);
  const head = ["", "", "calls/s", "failed", "missed", "p50", "p99", "max"];
  return [`${title}:`, ...alignedTable([head, ...rows]), ""];
}

/** Renders the flows and their checks. */
function flowLines(flow: FlowSummary | null): string[] {
  if (flow === null) return [];
  const ended = `${count(flow.totalRequests)} ended, ${count(flow.failedRequests)} failed, ` +
    `${count(flow.cutOff)} cut off by the end of the run`;
  const reason = flow.failure === null ? [] : [`First failure of a flow: ${flow.failure}`];
  const rows = flow.checks.map(({ name, passed, failed }) => [
    name,
    `${(passed / (passed + failed) * 100).toFixed(2)} %`,
    `${count(passed)} passed`,
    `${count(failed)} failed`,
  ]);
  const checks = rows.length === 0 ? [] : ["Checks:", ...alignedTable(rows), ""];
  return [...partLines(`Flows: ${ended}`, [flow], [""]), ...reason, ...checks];
}

function latencyLines(result: RunResult): string[] {
  const columns: [string, LatencySummary][] = [];
  if (result.latency.count > 0) columns.push(["Latency", result.latency]);
  if (result.serviceTime) columns.push(["Service time", result.serviceTime]);
  if (result.serverTime) columns.push(["Server time", result.serverTime]);
  if (result.failedLatency) columns.push(["Failed calls", result.failedLatency]);
  if (columns.length === 0) return ["Latency distribution: none"];
  const rows: string[][] = [["", ...columns.map(([name]) => name)]];
  const row = (name: string, of: (summary: LatencySummary) => number | null) =>
    rows.push([name, ...columns.map(([, summary]) => exactUs(of(summary)))]);
  row("mean", (s) => s.meanUs);
  for (const name of Object.keys(result.latency.percentilesUs)) {
    row(name, (s) => s.percentilesUs[name]);
  }
  row("max", (s) => s.maxUs);
  return ["Latency distribution:", ...alignedTable(rows)];
}

function exactUs(us: number | null): string {
  if (us === null) return "-";
  return `${us < 100 ? us.toFixed(1) : Math.round(us)} μs`;
}

/** Renders a histogram with bars: buckets of equal width on a logarithmic scale. */
function histogramLines(summary: LatencySummary): string[] {
  const { minUs, maxUs } = summary;
  if (minUs === null || maxUs === null) return [];
  const histogram = histogramOf(summary);
  const low = Math.max(1, minUs);
  const high = Math.max(low * 1.01, maxUs);
  const steps = 12;
  const bars: [string, number][] = [];
  let seen = 0;
  for (let i = 1; i <= steps; i++) {
    const upTo = i === steps ? high : low * (high / low) ** (i / steps);
    const below = i === steps ? summary.count : histogram.countAtOrBelowNs(upTo * 1000);
    bars.push([microseconds(upTo), below - seen]);
    seen = below;
  }
  const most = Math.max(...bars.map(([, calls]) => calls));
  const rows = alignedTable(bars.map(([upTo, calls]) => ["", upTo, count(calls)]));
  return [
    "Histogram (calls up to):",
    ...rows.map((row, i) => `${row}  ${"█".repeat(Math.round(bars[i][1] / most * BAR))}`.trimEnd()),
    "",
  ];
}

/** Renders the time series in at most 20 rows. */
function timelineLines({ timeline, intervalMs, durationMs }: RunResult): string[] {
  if (timeline.length < 2) return [];
  const per = Math.ceil(timeline.length / 20);
  const rows: string[][] = [["from", "calls/s", "failed", "p50", "p99", "max"]];
  for (let i = 0; i < timeline.length; i += per) {
    const points = timeline.slice(i, i + per);
    const lastMs = Math.min(durationMs, (i + points.length) * intervalMs);
    const successful = points.reduce((sum, p) => sum + p.successful, 0);
    rows.push([
      seconds(points[0].atMs),
      count(successful / Math.max(1, lastMs - points[0].atMs) * 1000),
      count(points.reduce((sum, p) => sum + p.failed, 0)),
      worst(points, (p) => p.p50Us),
      worst(points, (p) => p.p99Us),
      worst(points, (p) => p.maxUs),
    ]);
  }
  const span = per > 1 ? ` (latencies: the worst of ${per} points of ${duration(intervalMs)})` : "";
  return [`Over time${span}:`, ...alignedTable(rows), ""];
}

function worst(points: readonly TimePoint[], of: (point: TimePoint) => number | null): string {
  const values = points.map(of).filter((value) => value !== null);
  return values.length === 0 ? "-" : microseconds(Math.max(...values));
}

function failureLines({ failures }: RunResult): string[] {
  if (failures.length === 0) return [];
  return [
    "Failures:",
    ...failures.map((f) =>
      `  ${f.code}: ${count(f.count)}, first at ${seconds(f.firstAtMs)}, last at ` +
      `${seconds(f.lastAtMs)}: ${f.message}`
    ),
    "",
  ];
}

function scheduleLines({ schedule }: RunResult): string[] {
  if (!schedule) return [];
  return [
    `Due: ${count(schedule.due)}, missed: ${count(schedule.missed)}, sent over 1 ms late: ` +
    `${count(schedule.lateForStream)} because no stream was free, ` +
    `${count(schedule.lateForGenerator)} because of the generator; latest ` +
    microseconds(schedule.maxLatenessMs * 1000),
    ...generatorLines(schedule.lateness),
  ];
}

function generatorLines({ count: calls, percentilesUs }: LatencySummary): string[] {
  if (calls === 0) return [];
  const [p50, p99] = [percentilesUs.p50!, percentilesUs.p99!].map(microseconds);
  return [`Lateness of the generator: p50 ${p50}, p99 ${p99}`];
}

function resourceLines(result: RunResult): string[] {
  const { bytes: moved, cpu, totalRequests, durationMs } = result;
  const perSecond = (value: number) => bytes(durationMs === 0 ? 0 : value / durationMs * 1000);
  const lines = [
    `Payload: ${perSecond(moved.sent)}/s sent, ${perSecond(moved.received)}/s received`,
  ];
  if (result.messagesReceived !== result.successfulRequests) {
    lines.push(`Messages received: ${count(result.messagesReceived)}`);
  }
  const perCall = (ms: number) =>
    totalRequests === 0
      ? ""
      : ` (${microseconds(ms * 1000 / totalRequests)} a call, ${
        (ms / Math.max(1, durationMs)).toFixed(2)
      } cores)`;
  const used = (ms: number | null) => ms === null ? "not readable" : seconds(ms) + perCall(ms);
  lines.push(`CPU time: generator ${used(cpu.generatorMs)}, server ${used(cpu.serverMs)}`);
  lines.push(
    `Ended while draining: ${count(result.drained)}, abandoned: ${count(result.unfinished)}`,
  );
  return [...lines, ""];
}

function comparisonLines({ before, figures, differences }: Comparison): string[] {
  const rows = [
    ["", "before", "now", "change"],
    ...figures.map((f) => [f.name, f.before, f.after, changeText(f.changePercent, f.better)]),
  ];
  return [
    `Compared with the run of ${before.environment.startedAt}:`,
    ...alignedTable(rows),
    ...differences.map((difference) => `  differs in ${difference}`),
    "",
  ];
}

function changeText(percent: number | null, better: boolean | null): string {
  if (percent === null && better === null) return "-";
  const change = percent === null ? "new" : `${percent >= 0 ? "+" : ""}${percent.toFixed(1)} %`;
  return better === null ? change : `${change} ${better ? "better" : "worse"}`;
}
