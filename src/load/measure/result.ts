/**
 * Result of a run as written to JSON; `report.schema.json` describes the same shape. Latencies are in µs and
 * points in time in ms, as their names say.
 *
 * @module
 */

import type { CheckSummary } from "./flow_counts.ts";
import { Histogram } from "./histogram.ts";

/** Percentiles in every report. */
export const PERCENTILES = [50, 75, 90, 95, 99, 99.9, 99.99] as const;

/** Distribution of latencies in µs. Without values, all figures are null. */
export interface LatencySummary {
  /** Number of values. */
  readonly count: number;
  /** Mean. */
  readonly meanUs: number | null;
  /** Smallest. */
  readonly minUs: number | null;
  /** Largest. */
  readonly maxUs: number | null;
  /** Standard deviation. */
  readonly standardDeviationUs: number | null;
  /** Keys `p50` to `p99.99`. */
  readonly percentilesUs: Readonly<Record<string, number | null>>;
  /** Buckets with values: upper bound in ns, and number of values. */
  readonly buckets: readonly (readonly [upToNs: number, count: number])[];
}

/** Failures of one code. */
export interface FailureSummary {
  /** Status name, or UNFINISHED. */
  readonly code: string;
  /** Number of failed calls. */
  readonly count: number;
  /** End of the first failed call, in ms after measuring started. */
  readonly firstAtMs: number;
  /** End of the last failed call. */
  readonly lastAtMs: number;
  /** Error message of the first failed call. */
  readonly message: string;
}

/** Failures of calls for which no connection could be made. */
export interface UnreachableSummary {
  /** Number of failed calls. */
  readonly count: number;
  /** End of the first failed call, in ms after measuring started. */
  readonly firstAtMs: number;
  /** End of the last failed call. */
  readonly lastAtMs: number;
}

/** Interval of the time series. */
export interface TimePoint {
  /** Start of the interval, in ms after measuring started. */
  readonly atMs: number;
  /** Calls that succeeded in the interval. */
  readonly successful: number;
  /** Calls that failed in the interval. */
  readonly failed: number;
  /** Median latency of successful calls, in µs; null without successful calls. */
  readonly p50Us: number | null;
  /** 99th percentile of the latency of successful calls, in µs; null without successful calls. */
  readonly p99Us: number | null;
  /** Largest latency of successful calls, in µs; null without successful calls. */
  readonly maxUs: number | null;
}

/** Stage of a run: the rate goes evenly from `fromRate` to `toRate`, in calls/s. */
export interface StageSettings {
  /** Name. */
  readonly name: string;
  /** Length in ms. */
  readonly durationMs: number;
  /** Rate at the beginning. */
  readonly fromRate: number;
  /** Rate at the end. */
  readonly toRate: number;
  /** Users at the beginning and at the end, instead of rates, which are 0. */
  readonly users?: readonly [from: number, to: number];
}

/** Method of a run, and its share of the calls in proportion to the other weights. */
export interface MethodSettings {
  /** Path without the leading slash. */
  readonly name: string;
  /** Weight. */
  readonly weight: number;
}

/** Figures of a stage or of a method. */
export interface PartSummary {
  /** Name. */
  readonly name: string;
  /** Calls that ended, including failed ones. */
  readonly totalRequests: number;
  /** Calls that succeeded. */
  readonly successfulRequests: number;
  /** Calls that failed or were abandoned. */
  readonly failedRequests: number;
  /** Share of successful calls, from 0 to 1; 0 without calls. */
  readonly successRate: number;
  /** Successful calls per second of the stage, or for a method of the run. */
  readonly requestsPerSecond: number;
  /** Calls that were due and never sent; 0 for a method. */
  readonly missed: number;
  /** Latency of successful calls. */
  readonly latency: LatencySummary;
}

/** Flows of users as a whole, and their checks. */
export interface FlowSummary extends PartSummary {
  /** Flows that were under way when the run ended. */
  readonly cutOff: number;
  /** Error of the first flow that failed; null without. */
  readonly failure: string | null;
  /** Checks, in the order in which they first came. */
  readonly checks: readonly CheckSummary[];
}

/** Settings of a run. */
export interface RunSettings {
  /** Address of the server. */
  readonly server: string;
  /** tcp, tls, unix, vsock or hvsock. */
  readonly transport: string;
  /** grpc, lean, connect or grpc-web. */
  readonly wire: string;
  /** Path of the method, for example `/vrpc.echo.v1.EchoService/Echo`; of several, separated by commas. */
  readonly method: string;
  /** closed or open. */
  readonly mode: "closed" | "open";
  /** Requested calls per second, with stages the highest; null for no limit. */
  readonly ratePerSecond: number | null;
  /** uniform or poisson. */
  readonly arrivals: string;
  /** Number of connections. */
  readonly connections: number;
  /** Calls in flight per connection. */
  readonly streams: number;
  /** Number of workers used. */
  readonly threads: number;
  /** Number of workers requested. */
  readonly threadsAsked: number;
  /** Limit of requests; null for none. */
  readonly requests: number | null;
  /** Limit of time in ms; null for none. */
  readonly durationMs: number | null;
  /** Warm-up in ms. */
  readonly warmupMs: number;
  /** Encoded size of a request, in bytes. */
  readonly requestBytes: number;
  /** Whether calls were batched. */
  readonly batch: boolean;
  /** Seed of all randomness. */
  readonly seed: number;
  /** Stages of the rate; empty for one rate. */
  readonly stages: readonly StageSettings[];
  /** Methods that were called. */
  readonly methods: readonly MethodSettings[];
  /** Tags that the user gave the run. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Environment of a run. */
export interface RunEnvironment {
  /** Start of measuring, ISO 8601. */
  readonly startedAt: string;
  /** Runtime and its version. */
  readonly runtime: string;
  /** Operating system and architecture. */
  readonly system: string;
  /** Cores of the generator's machine. */
  readonly cores: number;
}

/** CPU time used while measuring, in ms; null where it can't be read. */
export interface CpuSummary {
  /** CPU time of all workers together. */
  readonly generatorMs: number | null;
  /** CPU time of the busiest worker, as a fraction of one core. */
  readonly busiestWorker: number | null;
  /** CPU time of the server's process. */
  readonly serverMs: number | null;
}

/** Adherence of an open loop to its schedule. */
export interface ScheduleSummary {
  /** Calls that were due. */
  readonly due: number;
  /** Calls due and never sent. */
  readonly missed: number;
  /** Calls sent more than 1 ms late because no stream was free. */
  readonly lateForStream: number;
  /** Calls sent more than 1 ms late although a stream was free. */
  readonly lateForGenerator: number;
  /** Largest delay of a send, in ms. */
  readonly maxLatenessMs: number;
  /** Delays of the sends that did not wait for a stream: how exact the generator was. */
  readonly lateness: LatencySummary;
}

/** Trial of a search for a limit. */
export interface LimitTrial {
  /** Calls per second. */
  readonly ratePerSecond: number;
  /** Whether the conditions held. */
  readonly holds: boolean;
  /** What was measured. */
  readonly found: string;
}

/** Outcome of a search for the highest rate at which conditions hold. */
export interface LimitSummary {
  /** The conditions. */
  readonly condition: string;
  /** Highest rate at which they held; null if at none. */
  readonly ratePerSecond: number | null;
  /** Lowest rate at which they did not; null if at none. */
  readonly failedRate: number | null;
  /** All trials, in order. */
  readonly trials: readonly LimitTrial[];
}

/** Result of one run. */
export interface RunResult {
  /** Title for headings: `Echo Service`, `Crypto Service`, or the method. */
  readonly title: string;
  /** Settings of the run. */
  readonly settings: RunSettings;
  /** Environment of the run. */
  readonly environment: RunEnvironment;
  /** Calls that ended, including failed ones. */
  readonly totalRequests: number;
  /** Calls that succeeded. */
  readonly successfulRequests: number;
  /** Calls that failed or were abandoned. */
  readonly failedRequests: number;
  /** Share of successful calls, from 0 to 1; 0 without calls. */
  readonly successRate: number;
  /** Time from the start of measuring to the end of the last call, in ms. */
  readonly durationMs: number;
  /** `successfulRequests` per second of `durationMs`. */
  readonly requestsPerSecond: number;
  /** Calls that ended during the drain. */
  readonly drained: number;
  /** Calls abandoned at the end; included in the failed ones. */
  readonly unfinished: number;
  /** Latency of successful calls, in an open loop from the intended send time. */
  readonly latency: LatencySummary;
  /** Latency from the actual send time; null in a closed loop, where it is the same. */
  readonly serviceTime: LatencySummary | null;
  /** Server time; null where replies do not contain it. */
  readonly serverTime: LatencySummary | null;
  /** Latency of failed calls; null when none failed. */
  readonly failedLatency: LatencySummary | null;
  /** Failures by code, most frequent first. */
  readonly failures: readonly FailureSummary[];
  /** Failures without a connection, included in `failures`; null when there was none. */
  readonly unreachable: UnreachableSummary | null;
  /** Adherence to the schedule; null in a closed loop. */
  readonly schedule: ScheduleSummary | null;
  /** Payload bytes sent and received. */
  readonly bytes: { readonly sent: number; readonly received: number };
  /** Messages received. */
  readonly messagesReceived: number;
  /** CPU time of generator and server. */
  readonly cpu: CpuSummary;
  /** Figures of each stage; empty without stages. */
  readonly stages: readonly PartSummary[];
  /** Figures of each method; empty for one method. */
  readonly methods: readonly PartSummary[];
  /** Flows; null without. */
  readonly flow: FlowSummary | null;
  /** Search of which this run is the last one at the limit; null without a search. */
  readonly limit: LimitSummary | null;
  /** Length of an interval of `timeline`, in ms. */
  readonly intervalMs: number;
  /** Time series. */
  readonly timeline: readonly TimePoint[];
  /** End of the last successful call, in ms after measuring started; null when there is none. */
  readonly lastSuccessMs: number | null;
  /** Whether the user stopped the run early. */
  readonly interrupted: boolean;
  /** Notes that a reader needs to judge the figures. */
  readonly notes: readonly string[];
}

/** Contents of a JSON report. */
export interface ReportFile {
  /** Version of the format. */
  readonly version: 1;
  /** Results: one run, or two if both the echo and the crypto workload were run. */
  readonly runs: readonly RunResult[];
}

/** Summarizes a histogram. */
export function summarize(histogram: Histogram): LatencySummary {
  const { count } = histogram;
  const us = (ns: number) => count === 0 ? null : ns / 1000;
  const percentilesUs: Record<string, number | null> = {};
  for (const p of PERCENTILES) percentilesUs[`p${p}`] = us(histogram.percentileNs(p));
  return {
    count,
    meanUs: us(histogram.meanNs),
    minUs: us(histogram.minNs),
    maxUs: us(histogram.maxNs),
    standardDeviationUs: us(histogram.standardDeviationNs),
    percentilesUs,
    buckets: [...histogram.buckets()].map(({ toNs, count }) => [toNs, count] as const),
  };
}

/** Rebuilds the histogram of a summary, to the precision of its buckets. */
export function histogramOf(summary: LatencySummary): Histogram {
  const histogram = new Histogram();
  for (const [upToNs, count] of summary.buckets) histogram.recordNs(upToNs, count);
  return histogram;
}
