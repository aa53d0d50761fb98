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
  type RunResult,
  textReport,
} from "../../src/load/mod.ts";
import { errorLine, readTextOption, UsageError } from "../shared/program.ts";
import type { Output } from "./options.ts";
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
    await print(render(settings.output, results, comparisons));
    return;
  }
  await Deno.writeTextFile(out, render(settings.output, results, comparisons));
  await print(render("text", results, comparisons));
  console.error(`Report written to ${out}`);
}

function comparisonOf(result: RunResult, old: ReportFile | undefined): Comparison | undefined {
  const before = old && matchingRun(old, result);
  return before && compareRuns(before, result);
}

function render(
  output: Output,
  results: readonly RunResult[],
  comparisons: readonly (Comparison | undefined)[],
): string {
  switch (output) {
    case "text":
      return results.map((result, i) => textReport(result, comparisons[i])).join("\n");
    case "json":
      return jsonReport(results);
    case "csv":
      return csvReport(results);
    case "html":
      return htmlReport(results, comparisons);
  }
}

async function print(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
