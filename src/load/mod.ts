/**
 * Load generation: schedules, histograms, runs, reports. What puts load on a server through a channel is
 * in `rpc_target.ts`; all else works with any {@link Target}.
 *
 * @module
 */

export { Collector, type LiveFigures, type RunFacts } from "./collector.ts";
export {
  type ComparedFigure,
  compareRuns,
  type Comparison,
  matchingRun,
  parseReportFile,
} from "./compare.ts";
export { type Condition, parseConditions } from "./fail_if.ts";
export { Histogram, type HistogramData } from "./histogram.ts";
export { didYouMean, nearest } from "./nearest.ts";
export { coarseClock, exactClock } from "./pacer.ts";
export {
  type LoadMode,
  type LoadPlan,
  planForWorker,
  share,
  usefulWorkers,
  type WorkerCount,
  type WorkerPlan,
} from "./plan.ts";
export { progressLine } from "./progress.ts";
export { Random } from "./random.ts";
export type { FailureCount, IntervalReport, WorkerResult } from "./recorder.ts";
export { csvReport } from "./report_csv.ts";
export { htmlReport } from "./report_html.ts";
export { jsonReport } from "./report_json.ts";
export { textReport } from "./report_text.ts";
export {
  type CpuSummary,
  type FailureSummary,
  type LatencySummary,
  PERCENTILES,
  type ReportFile,
  type RunEnvironment,
  type RunResult,
  type RunSettings,
  type ScheduleSummary,
  type TimePoint,
} from "./result.ts";
export { type LoadRun, type LoadRunOptions, startLoad } from "./runner.ts";
export type { Arrivals } from "./schedule.ts";
export type { Reply, Target } from "./target.ts";
export { parseDurationMs } from "./units.ts";
