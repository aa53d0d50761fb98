/**
 * Load generation: schedules, runs, histograms, reports. They work with any {@link Target};
 * `generate/channel_target.ts` has the target that calls a server over channels.
 *
 * @module
 */

export { Collector, type LiveFigures, type RunFacts } from "./measure/collector.ts";
export {
  type ComparedFigure,
  compareRuns,
  type Comparison,
  matchingRun,
  parseReportFile,
} from "./report/compare.ts";
export { type Condition, parseConditions } from "./report/fail_if.ts";
export { Histogram, type HistogramData } from "./measure/histogram.ts";
export { type Clock, coarseClock, exactClock } from "./generate/pacer.ts";
export {
  type LoadMode,
  type LoadPlan,
  planForWorker,
  share,
  usefulWorkers,
  type WorkerCount,
  type WorkerPlan,
} from "./generate/plan.ts";
export {
  compareRounds,
  proposedRounds,
  type RoundComparison,
  type RoundSides,
} from "./report/rounds.ts";
export { roundsText } from "./report/rounds_text.ts";
export { type LiveState, liveView } from "./report/live_view.ts";
export { progressLine } from "./report/progress.ts";
export { Random } from "./generate/random.ts";
export type { FailureCount, IntervalReport, WorkerResult } from "./measure/recorder.ts";
export { csvReport } from "./report/csv.ts";
export { htmlReport } from "./report/html.ts";
export { jsonReport } from "./report/json.ts";
export { textReport } from "./report/text.ts";
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
} from "./measure/result.ts";
export { type LoadRun, type LoadRunOptions, startLoad } from "./generate/runner.ts";
export type { Arrivals } from "./generate/schedule.ts";
export type { Target } from "./generate/target.ts";
export type { Reply } from "./measure/reply.ts";
export { parseDurationMs } from "./measure/units.ts";
