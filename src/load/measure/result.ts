/**
 * The result of a run as it is written to JSON; `report.schema.json` describes the same shape. Durations
 * are in µs when they are latencies, in ms when they are points in time, as their names say.
 *
 * @module
 */

import { Histogram } from "./histogram.ts";

/** The percentiles that every report shows. */
export const PERCENTILES = [50, 75, 90, 95, 99, 99.9, 99.99] as const;

/** A distribution of latencies in µs. */
export interface LatencySummary {
  /** How many values there are. */
  readonly count: number;
  /** Mean. */
  readonly meanUs: number;
  /** Smallest. */
  readonly minUs: number;
  /** Largest. */
  readonly maxUs: number;
  /** Standard deviation. */
  readonly standardDeviationUs: number;
  /** Keys `p50` to `p99.99`. */
  readonly percentilesUs: Readonly<Record<string, number>>;
  /** Every filled bucket: its upper bound in ns, and how many values are in it. */
  readonly buckets: readonly (readonly [upToNs: number, count: number])[];
}

/** Failures of one code. */
export interface FailureSummary {
  /** A status name, or UNFINISHED. */
  readonly code: string;
  /** How many calls. */
  readonly count: number;
  /** First one, in ms after measuring started. */
  readonly firstAtMs: number;
  /** Last one. */
  readonly lastAtMs: number;
  /** The text of the first one. */
  readonly message: string;
}

/** One point of the time series. */
export interface TimePoint {
  /** The point's start in ms after measuring started. */
  readonly atMs: number;
  /** Successful calls that ended in it. */
  readonly successful: number;
  /** Calls that failed in it. */
  readonly failed: number;
  /** Median latency of the successful ones; null when there were none. */
  readonly p50Us: number | null;
  /** 99th percentile. */
  readonly p99Us: number | null;
  /** Largest. */
  readonly maxUs: number | null;
}

/** How the run was set up. */
export interface RunSettings {
  /** The server's address. */
  readonly server: string;
  /** tcp, tls, unix, vsock or hvsock. */
  readonly transport: string;
  /** grpc or lean. */
  readonly wire: string;
  /** The full method, for example `/vrpc.echo.v1.EchoService/Echo`. */
  readonly method: string;
  /** closed or open. */
  readonly mode: "closed" | "open";
  /** Calls per second asked for; null for as many as possible. */
  readonly ratePerSecond: number | null;
  /** uniform or poisson. */
  readonly arrivals: string;
  /** Connections. */
  readonly connections: number;
  /** Calls in flight per connection. */
  readonly streams: number;
  /** Workers used. */
  readonly threads: number;
  /** Workers asked for. */
  readonly threadsAsked: number;
  /** The cap on requests; null for none. */
  readonly requests: number | null;
  /** The time allowed in ms; null for none. */
  readonly durationMs: number | null;
  /** Warm-up in ms. */
  readonly warmupMs: number;
  /** Payload bytes of a request, encoded. */
  readonly requestBytes: number;
  /** Whether calls were gathered into batches. */
  readonly batch: boolean;
  /** Seed of all randomness. */
  readonly seed: number;
}

/** Where the run took place. */
export interface RunEnvironment {
  /** When measuring started, ISO 8601. */
  readonly startedAt: string;
  /** The runtime and its version. */
  readonly runtime: string;
  /** System and architecture. */
  readonly system: string;
  /** Cores that the generator's machine has. */
  readonly cores: number;
}

/** CPU time used while measuring, in ms; null where it can't be read. */
export interface CpuSummary {
  /** All workers together. */
  readonly generatorMs: number | null;
  /** The busiest worker, as a fraction of one core. */
  readonly busiestWorker: number | null;
  /** The server's process. */
  readonly serverMs: number | null;
}

/** What an open loop has to say about its own schedule. */
export interface ScheduleSummary {
  /** Calls that were due. */
  readonly due: number;
  /** Due and never sent. */
  readonly missed: number;
  /** Sent more than 1 ms late because no stream was free. */
  readonly lateForStream: number;
  /** Sent more than 1 ms late by the generator's own fault. */
  readonly lateForGenerator: number;
  /** The latest send in ms. */
  readonly maxLatenessMs: number;
}

/** Everything about one run. */
export interface RunResult {
  /** For headings: `Echo Service`, `Crypto Service`, or the method. */
  readonly title: string;
  /** How it was set up. */
  readonly settings: RunSettings;
  /** Where it took place. */
  readonly environment: RunEnvironment;
  /** Calls that ended, failed ones included. */
  readonly totalRequests: number;
  /** Calls that succeeded. */
  readonly successfulRequests: number;
  /** Calls that failed or were given up. */
  readonly failedRequests: number;
  /** From 0 to 1; 0 when nothing ended. */
  readonly successRate: number;
  /** From the start of measuring to the end of the last call, in ms. */
  readonly durationMs: number;
  /** `totalRequests` per second of `durationMs`. */
  readonly requestsPerSecond: number;
  /** Calls that ended after the last one was started, in time. */
  readonly drained: number;
  /** Calls given up at the end; they are among the failed ones. */
  readonly unfinished: number;
  /** Latency of successful calls; from the intended send time in an open loop. */
  readonly latency: LatencySummary;
  /** From the actual send time; null in a closed loop, where it is the same. */
  readonly serviceTime: LatencySummary | null;
  /** As the server says; null where it doesn't. */
  readonly serverTime: LatencySummary | null;
  /** Latency of failed calls; null when none failed. */
  readonly failedLatency: LatencySummary | null;
  /** Failures by code, most frequent first. */
  readonly failures: readonly FailureSummary[];
  /** Open loop only, else null. */
  readonly schedule: ScheduleSummary | null;
  /** Payload bytes sent and received. */
  readonly bytes: { readonly sent: number; readonly received: number };
  /** Messages received. */
  readonly messagesReceived: number;
  /** CPU time of both ends. */
  readonly cpu: CpuSummary;
  /** Width of a point of `timeline` in ms. */
  readonly intervalMs: number;
  /** What happened when. */
  readonly timeline: readonly TimePoint[];
  /** When the last call succeeded, in ms after measuring started; null when none did. */
  readonly lastSuccessMs: number | null;
  /** Whether the run was ended by its user before its time. */
  readonly interrupted: boolean;
  /** Sentences that a reader must know to judge the figures. */
  readonly notes: readonly string[];
}

/** What a JSON file holds. */
export interface ReportFile {
  /** The format's version. */
  readonly version: 1;
  /** One run, or one each of echo and crypto. */
  readonly runs: readonly RunResult[];
}

/** Sums a histogram up. */
export function summarize(histogram: Histogram): LatencySummary {
  const percentilesUs: Record<string, number> = {};
  for (const p of PERCENTILES) percentilesUs[`p${p}`] = histogram.percentileNs(p) / 1000;
  return {
    count: histogram.count,
    meanUs: histogram.meanNs / 1000,
    minUs: histogram.count === 0 ? 0 : histogram.minNs / 1000,
    maxUs: histogram.maxNs / 1000,
    standardDeviationUs: histogram.standardDeviationNs / 1000,
    percentilesUs,
    buckets: [...histogram.buckets()].map(({ toNs, count }) => [toNs, count] as const),
  };
}

/** The histogram behind a summary, to the precision of its buckets. */
export function histogramOf(summary: LatencySummary): Histogram {
  const histogram = new Histogram();
  for (const [upToNs, count] of summary.buckets) histogram.recordNs(upToNs, count);
  return histogram;
}
