/**
 * The report for programs; `report.schema.json` describes it.
 *
 * @module
 */

import type { ReportFile, RunResult } from "../measure/result.ts";

/** The runs as JSON, with lists of numbers on one line each. */
export function jsonReport(results: readonly RunResult[]): string {
  const file: ReportFile = { version: 1, runs: results };
  const text = JSON.stringify(file, null, 2);
  // Buckets are pairs, thousands of them: three lines each would hide everything else.
  return text.replace(/\[\s+(\d+),\s+(\d+)\s+\]/g, "[$1, $2]") + "\n";
}
