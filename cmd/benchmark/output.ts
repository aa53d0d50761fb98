/**
 * Writes the reports.
 *
 * @module
 */

import { dirname } from "node:path";
import {
  compareRuns,
  type Comparison,
  csvReport,
  htmlReport,
  jsonReport,
  matchingRun,
  parseReportFile,
  type ReportFile,
  roundsText,
  type RunResult,
  textReport,
} from "../../src/load/mod.ts";
import { junitReport } from "../../src/load/report/junit.ts";
import { k6Summary } from "../../src/load/report/k6_summary.ts";
import { errorLine, readTextOption, UsageError } from "../shared/program.ts";
import { prometheusReport, pushOtlp } from "./measured.ts";
import type { Rounds } from "./rounds.ts";
import type { Settings } from "./settings.ts";

/** Reads the report to compare with; undefined without `--compare`. Throws {@link UsageError}. */
export async function readOldReport(path: string | undefined): Promise<ReportFile | undefined> {
  if (path === undefined) return undefined;
  const text = await readTextOption("--compare", path);
  try {
    return parseReportFile(text);
  } catch (error) {
    throw new UsageError(`Cannot compare with ${path}: ${errorLine(error)}`);
  }
}

/** Checks `--out` before the run. Throws {@link UsageError} for a missing folder or a path that is a folder. */
export async function checkOut(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const folder = await Deno.stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory) {
    throw new UsageError(`Cannot write ${path} (--out): folder ${dirname(path)} does not exist`);
  }
  const there = await Deno.stat(path).catch(() => undefined);
  if (there?.isDirectory) throw new UsageError(`Cannot write ${path} (--out): it is a folder`);
}

/**
 * Writes the report in the requested format to `--out` and as text to standard output; without `--out`, in the
 * requested format to standard output.
 */
export async function writeReports(
  results: readonly RunResult[],
  settings: Settings,
  old: ReportFile | undefined,
): Promise<void> {
  const comparisons = results.map((result) => comparisonOf(result, old));
  const { out } = settings.flags;
  if (out === undefined) {
    await print(render(settings, results, comparisons));
    if (settings.output === "otlp") await pushOtlp(results, settings.flags.otlpEndpoint);
    return;
  }
  await Deno.writeTextFile(out, render(settings, results, comparisons));
  if (settings.output === "otlp") await pushOtlp(results, settings.flags.otlpEndpoint);
  await print(texts(results, comparisons));
  console.error(`Report written to ${out}`);
}

/** Writes the report of rounds: all runs as JSON and CSV, and as text and HTML the comparison and the run in the middle. */
export async function writeRounds(rounds: Rounds, settings: Settings): Promise<void> {
  const { before, after, comparison } = rounds;
  const all = after.flatMap((run, i) => before[i] ? [before[i], run] : [run]);
  const middle = middleRun(after);
  const text = () =>
    [
      ...(comparison ? [roundsText(comparison)] : []),
      textReport(middle),
    ].join("\n");
  const rendered = () => {
    switch (settings.output) {
      case "json":
        return jsonReport(all, comparison);
      case "html":
        return htmlReport([middle], [], comparison);
      case "csv":
        return csvReport(all);
      case "text":
        return text();
      default:
        return render(settings, all, []);
    }
  };
  const { out, otlpEndpoint } = settings.flags;
  if (settings.output === "otlp") await pushOtlp(all, otlpEndpoint);
  if (out === undefined) return await print(rendered());
  await Deno.writeTextFile(out, rendered());
  await print(text());
  console.error(`Report written to ${out}`);
}

/** Returns the run whose mean latency is the median. */
function middleRun(runs: readonly RunResult[]): RunResult {
  const sorted = runs.toSorted((a, b) => (a.latency.meanUs ?? 0) - (b.latency.meanUs ?? 0));
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

function comparisonOf(result: RunResult, old: ReportFile | undefined): Comparison | undefined {
  const before = old && matchingRun(old, result);
  return before && compareRuns(before, result);
}

function render(
  { output, conditions }: Settings,
  results: readonly RunResult[],
  comparisons: readonly (Comparison | undefined)[],
): string {
  switch (output) {
    // OTLP is sent, not written.
    case "otlp":
    case "text":
      return texts(results, comparisons);
    case "json":
      return jsonReport(results);
    case "csv":
      return csvReport(results);
    case "html":
      return htmlReport(results, comparisons);
    case "junit":
      return junitReport(results, conditions);
    case "prometheus":
      return prometheusReport(results);
    case "k6-summary":
      // k6 has one summary for all scenarios; a second service has its own, in a line of its own.
      return results.map((result) => k6Summary(result, conditions)).join("");
  }
}

function texts(
  results: readonly RunResult[],
  comparisons: readonly (Comparison | undefined)[],
): string {
  return results.map((result, i) => textReport(result, comparisons[i])).join("\n");
}

async function print(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
