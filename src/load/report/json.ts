/**
 * The report as JSON; `report.schema.json` describes it.
 *
 * @module
 */

import { printableLines } from "../../call/printable.ts";
import type { RoundComparison } from "./rounds.ts";
import type { ReportFile, RunResult } from "../measure/result.ts";

/** Renders the runs as JSON, with each bucket on one line, and the comparison of their rounds. */
export function jsonReport(results: readonly RunResult[], rounds?: RoundComparison): string {
  const file: ReportFile & { rounds?: RoundComparison } = { version: 1, runs: results, rounds };
  const text = printableLines(JSON.stringify(file, null, 2));
  // Puts each of the thousands of buckets on one line instead of four.
  return text.replace(/\[\s+(\d+),\s+(\d+)\s+\]/g, "[$1, $2]") + "\n";
}
