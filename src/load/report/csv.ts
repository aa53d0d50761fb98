/**
 * The report for spreadsheets (RFC 4180): one row a run, then one row a point of the time series.
 *
 * @module
 */

import type { RunResult } from "../measure/result.ts";

/** The runs' totals as a table, an empty line, and the time series of all runs as a second table. */
export function csvReport(results: readonly RunResult[]): string {
  const percentiles = results.length === 0 ? [] : Object.keys(results[0].latency.percentilesUs);
  const totals: (string | number | null)[][] = [[
    "title",
    "method",
    "server",
    "mode",
    "rate",
    "connections",
    "streams",
    "threads",
    "total",
    "successful",
    "failed",
    "success_rate",
    "duration_ms",
    "requests_per_second",
    "mean_us",
    "min_us",
    ...percentiles.map((name) => `${name}_us`),
    "max_us",
    "missed",
    "bytes_sent",
    "bytes_received",
  ]];
  for (const r of results) {
    totals.push([
      r.title,
      r.settings.method,
      r.settings.server,
      r.settings.mode,
      r.settings.ratePerSecond,
      r.settings.connections,
      r.settings.streams,
      r.settings.threads,
      r.totalRequests,
      r.successfulRequests,
      r.failedRequests,
      r.successRate,
      r.durationMs,
      r.requestsPerSecond,
      r.latency.meanUs,
      r.latency.minUs,
      ...percentiles.map((name) => r.latency.percentilesUs[name]),
      r.latency.maxUs,
      r.schedule?.missed ?? 0,
      r.bytes.sent,
      r.bytes.received,
    ]);
  }
  const series: (string | number | null)[][] = [
    ["title", "at_ms", "interval_ms", "successful", "failed", "p50_us", "p99_us", "max_us"],
  ];
  for (const r of results) {
    for (const p of r.timeline) {
      series.push([
        r.title,
        p.atMs,
        r.intervalMs,
        p.successful,
        p.failed,
        p.p50Us,
        p.p99Us,
        p.maxUs,
      ]);
    }
  }
  return `${rows(totals)}\r\n${rows(series)}`;
}

function rows(table: readonly (readonly (string | number | null)[])[]): string {
  return table.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function cell(value: string | number | null): string {
  if (value === null) return "";
  const text = typeof value === "number" ? String(Number(value.toFixed(6))) : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
