/**
 * Combines the reports of the workers into one result, during the run and at its end.
 *
 * @module
 */

import { Histogram, type HistogramData } from "./histogram.ts";
import { notesOn } from "./notes.ts";
import { mergedChecks } from "./flow_counts.ts";
import { mergedParts } from "./parts.ts";
import type { FailureCount, IntervalReport, Unreached, WorkerResult } from "./recorder.ts";
import {
  type CpuSummary,
  type FailureSummary,
  type FlowSummary,
  type PartSummary,
  type RunEnvironment,
  type RunResult,
  type RunSettings,
  summarize,
  type TimePoint,
} from "./result.ts";

/** Parts of a result that workers do not measure. */
export interface RunFacts {
  /** Title for headings. */
  readonly title: string;
  /** Settings of the run. */
  readonly settings: RunSettings;
  /** Environment of the run. */
  readonly environment: RunEnvironment;
  /** CPU time of the server's process while measuring, in ms; undefined where it can't be read. */
  readonly serverCpuMs?: number;
  /** Whether the user stopped the run. */
  readonly interrupted: boolean;
  /** Why fewer threads were used than requested. */
  readonly threadsReason?: string;
}

interface OpenPoint {
  latency: Histogram;
  failed: number;
}

/** Figures during a run. */
export interface LiveFigures {
  /** Calls that have ended. */
  readonly total: number;
  /** Calls that have failed. */
  readonly failed: number;
  /** Successful calls per second in the last second reported by all workers. */
  readonly rateNow: number;
  /** Median latency in that second, in µs; null without calls. */
  readonly p50Us: number | null;
  /** 99th percentile in that second, in µs; null without calls. */
  readonly p99Us: number | null;
}

/** Figures of each completed interval, in order. */
export interface LiveHistory {
  /** Successful calls per second. */
  readonly rates: readonly number[];
  /** 99th percentile of the latency, in µs; null without calls. */
  readonly p99Us: readonly (number | null)[];
}

/** Gathers interval reports and results of all workers of one run. */
export class Collector {
  readonly #intervalMs: number;
  readonly #points = new Map<number, OpenPoint>();
  readonly #results: WorkerResult[] = [];
  #total = 0;
  #failed = 0;

  /** `intervalMs` as in the plan. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Adds one worker's part of an interval. */
  addInterval(report: IntervalReport): void {
    let point = this.#points.get(report.index);
    if (!point) this.#points.set(report.index, point = { latency: new Histogram(), failed: 0 });
    point.latency.add(report.latency);
    point.failed += report.failures;
    this.#total += report.latency.count + report.failures;
    this.#failed += report.failures;
  }

  /** Adds the final result of a worker. */
  addResult(result: WorkerResult): void {
    this.#results.push(result);
  }

  /** Returns the figures at `elapsedMs` after measuring started. */
  live(elapsedMs: number): LiveFigures {
    const per = Math.max(1, Math.round(1000 / this.#intervalMs));
    // 50 ms of slack: workers report an interval after its end, and the message takes a few ms.
    const end = Math.floor((elapsedMs - 50) / this.#intervalMs);
    const latency = new Histogram();
    let covered = 0;
    for (let i = Math.max(0, end - per); i < end; i++) {
      covered++;
      const point = this.#points.get(i);
      if (!point) continue;
      latency.add(point.latency);
    }
    const empty = latency.count === 0;
    return {
      total: this.#total,
      failed: this.#failed,
      rateNow: covered === 0 ? 0 : latency.count / (covered * this.#intervalMs / 1000),
      p50Us: empty ? null : latency.percentileNs(50) / 1000,
      p99Us: empty ? null : latency.percentileNs(99) / 1000,
    };
  }

  /** Returns the intervals that are complete at `elapsedMs` after measuring started. */
  history(elapsedMs: number): LiveHistory {
    const end = Math.floor((elapsedMs - 50) / this.#intervalMs);
    const rates: number[] = [];
    const p99Us: (number | null)[] = [];
    for (let i = 0; i < end; i++) {
      const latency = this.#points.get(i)?.latency;
      rates.push((latency?.count ?? 0) / this.#intervalMs * 1000);
      p99Us.push(
        latency === undefined || latency.count === 0 ? null : latency.percentileNs(99) / 1000,
      );
    }
    return { rates, p99Us };
  }

  /** Returns the result of the run. Call it after every worker's result was added. */
  finish(facts: RunFacts): RunResult {
    const results = this.#results;
    const sum = (pick: (result: WorkerResult) => number) =>
      results.reduce((total, result) => total + pick(result), 0);
    const latency = merged(results.map((r) => r.latency));
    const failedLatency = merged(results.map((r) => r.failedLatency));
    const service = merged(results.map((r) => r.serviceTime));
    const server = merged(results.map((r) => r.serverTime));
    const successful = latency.count;
    const failed = failedLatency.count;
    const total = successful + failed;
    const durationMs = Math.max(0, ...results.map((r) => r.endMs));
    const lastSuccessMs = Math.max(-1, ...results.map((r) => r.lastSuccessMs));
    const missed = sum((r) => r.missed);
    const flow = flowSummary(results, durationMs);
    const result: RunResult = {
      title: facts.title,
      settings: facts.settings,
      environment: facts.environment,
      totalRequests: total,
      successfulRequests: successful,
      failedRequests: failed,
      successRate: total === 0 ? 0 : successful / total,
      durationMs,
      requestsPerSecond: durationMs === 0 ? 0 : successful / durationMs * 1000,
      drained: sum((r) => r.drained),
      unfinished: sum((r) => r.unfinished),
      latency: summarize(latency),
      serviceTime: service.count > 0 ? summarize(service) : null,
      serverTime: server.count > 0 ? summarize(server) : null,
      failedLatency: failed > 0 ? summarize(failedLatency) : null,
      failures: mergedFailures(results.flatMap((r) => r.failures)),
      unreachable: mergedUnreached(results.flatMap((r) => r.unreached ?? [])),
      schedule: facts.settings.mode === "closed" ? null : {
        due: (flow ? flow.totalRequests + flow.cutOff : total) + missed,
        missed,
        lateForStream: sum((r) => r.lateForStream),
        lateForGenerator: sum((r) => r.lateForGenerator),
        maxLatenessMs: Math.max(0, ...results.map((r) => r.maxLatenessMs)),
        lateness: summarize(merged(results.map((r) => r.lateness))),
      },
      bytes: { sent: sum((r) => r.bytesSent), received: sum((r) => r.bytesReceived) },
      messagesReceived: sum((r) => r.messagesReceived),
      cpu: cpuSummary(results, facts.serverCpuMs, durationMs),
      stages: stageSummaries(results, facts.settings, durationMs),
      methods: methodSummaries(results, facts.settings, durationMs),
      flow,
      limit: null,
      intervalMs: this.#intervalMs,
      timeline: this.#timeline(durationMs),
      lastSuccessMs: lastSuccessMs < 0 ? null : lastSuccessMs,
      interrupted: facts.interrupted,
      notes: [],
    };
    return { ...result, notes: notesOn(result, facts.threadsReason) };
  }

  #timeline(durationMs: number): TimePoint[] {
    const points: TimePoint[] = [];
    const last = Math.max(-1, ...this.#points.keys());
    const end = Math.max(last + 1, Math.floor(durationMs / this.#intervalMs));
    for (let i = 0; i < end; i++) {
      const { latency, failed } = this.#points.get(i) ?? { latency: new Histogram(), failed: 0 };
      const none = latency.count === 0;
      points.push({
        atMs: i * this.#intervalMs,
        successful: latency.count,
        failed,
        p50Us: none ? null : latency.percentileNs(50) / 1000,
        p99Us: none ? null : latency.percentileNs(99) / 1000,
        maxUs: none ? null : latency.maxNs / 1000,
      });
    }
    return points;
  }
}

/** A run may be stopped early, and its last stage may end with the last call. */
function stageSummaries(
  results: readonly WorkerResult[],
  { stages }: RunSettings,
  durationMs: number,
): PartSummary[] {
  const parts = mergedParts(results.map((result) => result.stages)) ?? [];
  let fromMs = 0;
  return parts.map((part, i) => {
    const { name, durationMs: plannedMs } = stages[i];
    const lengthMs = Math.max(0, Math.min(plannedMs, durationMs - fromMs));
    fromMs += plannedMs;
    return partSummary(name, part, lengthMs);
  });
}

function methodSummaries(
  results: readonly WorkerResult[],
  { methods }: RunSettings,
  durationMs: number,
): PartSummary[] {
  const parts = mergedParts(results.map((result) => result.methods)) ?? [];
  const ofFlows = results.flatMap(({ flow }) => flow?.methods ?? []);
  const names = [...new Set(ofFlows.map(([name]) => name))];
  return [
    ...parts.map((part, i) => partSummary(methods[i].name, part, durationMs)),
    ...names.map((name) => {
      const same = ofFlows.filter(([one]) => one === name).map(([, counts]) => [counts]);
      return partSummary(name, mergedParts(same)![0], durationMs);
    }),
  ];
}

function flowSummary(results: readonly WorkerResult[], durationMs: number): FlowSummary | null {
  const all = results.flatMap(({ flow }) => flow ?? []);
  if (all.length === 0) return null;
  const [flows] = mergedParts(all.map((one) => [one.flows]))!;
  return {
    ...partSummary("flow", flows, durationMs),
    cutOff: all.reduce((sum, one) => sum + one.cutOff, 0),
    failure: all.find(({ failure }) => failure !== undefined)?.failure ?? null,
    checks: mergedChecks(all),
  };
}

function partSummary(
  name: string,
  { latency, failed, missed }: { latency: Histogram; failed: number; missed: number },
  lengthMs: number,
): PartSummary {
  const total = latency.count + failed;
  return {
    name,
    totalRequests: total,
    successfulRequests: latency.count,
    failedRequests: failed,
    successRate: total === 0 ? 0 : latency.count / total,
    requestsPerSecond: lengthMs === 0 ? 0 : latency.count / lengthMs * 1000,
    missed,
    latency: summarize(latency),
  };
}

function merged(parts: readonly (HistogramData | undefined)[]): Histogram {
  const histogram = new Histogram();
  for (const part of parts) if (part) histogram.add(part);
  return histogram;
}

function mergedFailures(all: readonly FailureCount[]): FailureSummary[] {
  const codes = new Set(all.map((failure) => failure.code));
  return [...codes].map((code) => {
    const parts = all.filter((failure) => failure.code === code);
    const first = parts.reduce((a, b) => a.firstAtMs <= b.firstAtMs ? a : b);
    return {
      code,
      count: parts.reduce((total, part) => total + part.count, 0),
      firstAtMs: first.firstAtMs,
      lastAtMs: Math.max(...parts.map((part) => part.lastAtMs)),
      message: first.message,
    };
  }).sort((a, b) => b.count - a.count);
}

function mergedUnreached(all: readonly Unreached[]): RunResult["unreachable"] {
  if (all.length === 0) return null;
  return {
    count: all.reduce((total, part) => total + part.count, 0),
    firstAtMs: Math.min(...all.map((part) => part.firstAtMs)),
    lastAtMs: Math.max(...all.map((part) => part.lastAtMs)),
  };
}

function cpuSummary(
  results: readonly WorkerResult[],
  serverMs: number | undefined,
  durationMs: number,
): CpuSummary {
  const times = results.map((result) => result.cpuMs);
  const known = times.filter((time) => time !== undefined);
  const all = known.length === times.length && known.length > 0;
  return {
    generatorMs: all ? known.reduce((a, b) => a + b, 0) : null,
    busiestWorker: all && durationMs > 0 ? Math.min(1, Math.max(...known) / durationMs) : null,
    serverMs: serverMs ?? null,
  };
}
