/**
 * The report as CSV (RFC 4180): one row per run, then one row per interval of the time series.
 *
 * @module
 */

import { printable } from "../../call/printable.ts";
import type { PartSummary, RunResult } from "../measure/result.ts";

type Cell = string | number | null;

/** Columns of the first table in two parts, around the percentiles: heading and value. */
const BEFORE_PERCENTILES: readonly (readonly [string, (result: RunResult) => Cell])[] = [
  ["title", (r) => r.title],
  ["method", (r) => r.settings.method],
  ["server", (r) => r.settings.server],
  ["mode", (r) => r.settings.mode],
  ["rate", (r) => r.settings.ratePerSecond],
  ["connections", (r) => r.settings.connections],
  ["streams", (r) => r.settings.streams],
  ["threads", (r) => r.settings.threads],
  ["total", (r) => r.totalRequests],
  ["successful", (r) => r.successfulRequests],
  ["failed", (r) => r.failedRequests],
  ["success_rate", (r) => r.successRate],
  ["duration_ms", (r) => r.durationMs],
  ["requests_per_second", (r) => r.requestsPerSecond],
  ["mean_us", (r) => r.latency.meanUs],
  ["min_us", (r) => r.latency.minUs],
];
const AFTER_PERCENTILES: typeof BEFORE_PERCENTILES = [
  ["max_us", (r) => r.latency.maxUs],
  ["missed", (r) => r.schedule?.missed ?? 0],
  ["failures", (r) => r.failures.map((f) => `${f.code}=${f.count}`).join(" ")],
  ["bytes_sent", (r) => r.bytes.sent],
  ["bytes_received", (r) => r.bytes.received],
];

/**
 * Renders the totals of the runs as a table, an empty line, and the time series as a second table; runs with stages or
 * several methods have a third one.
 */
export function csvReport(results: readonly RunResult[]): string {
  const percentiles = results.length === 0 ? [] : Object.keys(results[0].latency.percentilesUs);
  const columns = [
    ...BEFORE_PERCENTILES,
    ...percentiles.map((name) =>
      [`${name}_us`, (r: RunResult) => r.latency.percentilesUs[name]] as const
    ),
    ...AFTER_PERCENTILES,
  ];
  const totals = [
    columns.map(([heading]) => heading),
    ...results.map((result) => columns.map(([, value]) => value(result))),
  ];
  const series: Cell[][] = [
    ["title", "at_ms", "interval_ms", "successful", "failed", "p50_us", "p99_us", "max_us"],
  ];
  for (const { title, intervalMs, timeline } of results) {
    for (const { atMs, successful, failed, p50Us, p99Us, maxUs } of timeline) {
      series.push([title, atMs, intervalMs, successful, failed, p50Us, p99Us, maxUs]);
    }
  }
  const tables = [totals, series, ...partTable(results)];
  return tables.map(rows).join("\r\n");
}

function partTable(results: readonly RunResult[]): Cell[][][] {
  const table = results.flatMap(({ title, stages, methods, flow }) => [
    ...stages.map((part) => partRow(title, "stage", part)),
    ...methods.map((part) => partRow(title, "method", part)),
    ...(flow ? [partRow(title, "flow", flow)] : []),
    ...(flow?.checks ?? []).map(({ name, passed, failed }) => [
      ...[title, "check", name, passed + failed, passed, failed, 0],
      ...[null, null, null, null],
    ]),
  ]);
  const head = [
    ...["title", "part", "name", "total", "successful", "failed", "missed"],
    ...["requests_per_second", "p50_us", "p99_us", "max_us"],
  ];
  return table.length === 0 ? [] : [[head, ...table]];
}

function partRow(title: string, kind: string, part: PartSummary): Cell[] {
  const { latency } = part;
  return [
    ...[title, kind, part.name, part.totalRequests, part.successfulRequests, part.failedRequests],
    ...[part.missed, part.requestsPerSecond, latency.percentilesUs.p50],
    ...[latency.percentilesUs.p99, latency.maxUs],
  ];
}

function rows(table: readonly (readonly Cell[])[]): string {
  return table.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function cell(value: Cell): string {
  if (value === null) return "";
  const text = typeof value === "number" ? String(Number(value.toFixed(6))) : printable(value);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
