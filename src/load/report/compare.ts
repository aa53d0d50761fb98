/**
 * Comparison of two runs.
 *
 * @module
 */

import type { ReportFile, RunResult } from "../measure/result.ts";
import { count, microseconds } from "../measure/units.ts";

/** Figure of two runs. */
export interface ComparedFigure {
  /** Name of the figure. */
  readonly name: string;
  /** Old value, formatted. */
  readonly before: string;
  /** New value, formatted. */
  readonly after: string;
  /** Change from the old to the new value, in percent; null when the old one is 0 or one of them is missing. */
  readonly changePercent: number | null;
  /** Whether the change is an improvement; null when it is below 1 % or neutral, or a value is missing. */
  readonly better: boolean | null;
}

/** Comparison of a run with an older one. */
export interface Comparison {
  /** Older run. */
  readonly before: RunResult;
  /** Compared figures. */
  readonly figures: readonly ComparedFigure[];
  /** Settings that differ between the runs. */
  readonly differences: readonly string[];
}

/** Finds the run of an older file that matches `run`: same method, else same title, else the only run. */
export function matchingRun(file: ReportFile, run: RunResult): RunResult | undefined {
  return file.runs.find((old) => old.settings.method === run.settings.method) ??
    file.runs.find((old) => old.title === run.title) ??
    (file.runs.length === 1 ? file.runs[0] : undefined);
}

/** Compares a run with an older one. */
export function compareRuns(before: RunResult, after: RunResult): Comparison {
  const figures: ComparedFigure[] = [
    figure("Requests per second", before.requestsPerSecond, after.requestsPerSecond, "more", count),
    figure("Failed requests", before.failedRequests, after.failedRequests, "less", count),
    ...failuresByCode(before, after),
    figure("Average latency", before.latency.meanUs, after.latency.meanUs, "less", microseconds),
  ];
  for (const [name, value] of Object.entries(after.latency.percentilesUs)) {
    const old = before.latency.percentilesUs[name];
    if (old !== undefined) figures.push(figure(name, old, value, "less", microseconds));
  }
  figures.push(
    figure("Max latency", before.latency.maxUs, after.latency.maxUs, "less", microseconds),
  );
  return { before, figures, differences: differences(before, after) };
}

/** Compares the numbers of failures of each code in either run. */
function failuresByCode(before: RunResult, after: RunResult): ComparedFigure[] {
  const codes = new Set([...after.failures, ...before.failures].map(({ code }) => code));
  const of = ({ failures }: RunResult, code: string) =>
    failures.find((one) => one.code === code)?.count ?? 0;
  return [...codes].map((code) =>
    figure(`Failed: ${code}`, of(before, code), of(after, code), "less", count)
  );
}

/** Compares a figure; null stands for one that was not measured. */
function figure(
  name: string,
  before: number | null,
  after: number | null,
  good: "more" | "less",
  show: (value: number) => string,
): ComparedFigure {
  const text = (value: number | null) => value === null ? "none" : show(value);
  const texts = { name, before: text(before), after: text(after) };
  if (before === null || after === null) return { ...texts, changePercent: null, better: null };
  const changePercent = before === 0 ? null : (after / before - 1) * 100;
  const small = before === after || (changePercent !== null && Math.abs(changePercent) < 1);
  return {
    ...texts,
    changePercent,
    better: small ? null : (after > before) === (good === "more"),
  };
}

function differences(before: RunResult, after: RunResult): string[] {
  const list: string[] = [];
  const old: Record<string, unknown> = { ...before.settings };
  for (const [name, value] of Object.entries(after.settings)) {
    // Reports of older versions have no stages, methods and tags.
    if (old[name] === undefined && typeof value === "object") continue;
    if (shown(old[name]) !== shown(value)) {
      list.push(`${name}: ${shown(old[name])} before, ${shown(value)} now`);
    }
  }
  return list;
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Parses a JSON report. Throws TypeError when it is not one. */
export function parseReportFile(text: string): ReportFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TypeError("not valid JSON", { cause: error });
  }
  const file = value as Partial<ReportFile> | null;
  if (typeof file !== "object" || file === null || !Array.isArray(file.runs)) {
    throw new TypeError("not a benchmark report: it has no runs");
  }
  if (file.version !== 1) {
    throw new TypeError(`unsupported version ${JSON.stringify(file.version)}, must be 1`);
  }
  for (const run of file.runs as (Partial<RunResult> | null)[]) {
    if (!isObject(run?.latency?.percentilesUs) || !isObject(run?.settings)) {
      throw new TypeError("not a benchmark report: a run has no latency or settings");
    }
    if (!Array.isArray(run?.failures)) {
      throw new TypeError("not a benchmark report: a run has no failures");
    }
  }
  return file as ReportFile;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
