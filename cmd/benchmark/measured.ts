/**
 * A run as OpenTelemetry metrics, for Prometheus and OTLP.
 *
 * @module
 */

import { JsonMetricsSerializer } from "@opentelemetry/otlp-transformer";
import {
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { ValueType } from "@opentelemetry/api";
import { histogramOf } from "../../src/load/measure/result.ts";
import type { RunResult } from "../../src/load/mod.ts";
import { type Measured, prometheusText } from "../shared/metrics.ts";
import { errorLine } from "../shared/program.ts";

type Metric = Measured[number]["metrics"][number];
type Time = [seconds: number, nanos: number];

/** Upper bounds of the latencies, in s: 1, 2 and 5 of each power of ten from 10 µs to 50 s. */
const BOUNDS = [-5, -4, -3, -2, -1, 0, 1].flatMap((power) =>
  [1, 2, 5].map((step) => Number(`${step}e${power}`))
);
/** Time for a collector to answer. */
const PUSH_TIMEOUT_MS = 10_000;

/** Renders the runs in the text format of Prometheus. */
export function prometheusReport(results: readonly RunResult[]): string {
  return prometheusText([measuredOf(results)]);
}

/** Sends the runs to a collector as OTLP in JSON over HTTP. Rejects with the reason when it does not take them. */
export async function pushOtlp(results: readonly RunResult[], endpoint: string): Promise<void> {
  const url = new URL("v1/metrics", endpoint.endsWith("/") ? endpoint : `${endpoint}/`);
  const resource = {
    attributes: { "service.name": "vrpc-benchmark" },
    asyncAttributesPending: false,
    getRawAttributes: () => [["service.name", "vrpc-benchmark"]],
  };
  const body = JsonMetricsSerializer.serializeRequest({
    resource: resource as unknown as ResourceMetrics["resource"],
    scopeMetrics: measuredOf(results),
  });
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body as Uint8Array<ArrayBuffer>,
      signal: AbortSignal.timeout(PUSH_TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
  } catch (error) {
    throw new Error(`Cannot send metrics to ${url}: ${errorLine(error)}`, { cause: error });
  }
}

function measuredOf(results: readonly RunResult[]): Measured {
  const metrics = new Map<string, Metric>();
  for (const result of results) {
    for (const metric of metricsOf(result)) {
      const same = metrics.get(metric.descriptor.name);
      if (same) (same.dataPoints as unknown[]).push(...metric.dataPoints);
      else metrics.set(metric.descriptor.name, metric);
    }
  }
  return [{ scope: { name: "vrpc.benchmark" }, metrics: [...metrics.values()] }];
}

/** The histogram, counters and gauges of a run; stages and methods have the attribute `part`. */
function metricsOf(result: RunResult): Metric[] {
  const { settings, environment, durationMs, schedule } = result;
  const startMs = Date.parse(environment.startedAt);
  const times = { startTime: timeOf(startMs), endTime: timeOf(startMs + durationMs) };
  const attributes = {
    ...settings.tags,
    server: settings.server,
    method: settings.method,
    wire: settings.wire,
  };
  const parts = [...result.stages, ...result.methods, ...(result.flow ? [result.flow] : [])];
  const point = (value: number, more: Record<string, string> = {}) => {
    return { ...times, attributes: { ...attributes, ...more }, value };
  };
  const all = [result, ...parts.map((part) => ({ ...part, part: part.name }))];
  const partOf = (one: object): Record<string, string> =>
    "part" in one ? { part: String(one.part) } : {};
  return [
    {
      descriptor: descriptor(
        "latency",
        InstrumentType.HISTOGRAM,
        "s",
        "Latency of successful calls",
      ),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: all.map((one) => point(0, partOf(one))).map((one, i) => {
        return { ...one, value: buckets(all[i]) };
      }),
    } as unknown as Metric,
    sum("calls", "Calls that ended, by status", [
      point(result.successfulRequests, { status: "OK" }),
      ...result.failures.map(({ code, count }) => point(count, { status: code })),
    ]),
    ...checksOf(result).map((points) =>
      sum("checks", "Checks of flows, by name and outcome", points.map((one) => point(...one)))
    ),
    sum("missed", "Calls that were due and never sent", [point(schedule?.missed ?? 0)]),
    {
      descriptor: descriptor(
        "rate",
        InstrumentType.GAUGE,
        "{call}/s",
        "Successful calls per second",
      ),
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPointType: DataPointType.GAUGE,
      dataPoints: all.map((one) => point(one.requestsPerSecond, partOf(one))),
    } as unknown as Metric,
  ];
}

/** A counter with these points. */
function sum(name: string, description: string, dataPoints: readonly object[]): Metric {
  return {
    descriptor: descriptor(name, InstrumentType.COUNTER, "{call}", description),
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints,
  } as unknown as Metric;
}

/** The values and attributes of all checks; nothing without any. */
function checksOf({ flow }: RunResult): [value: number, attributes: Record<string, string>][][] {
  if (!flow || flow.checks.length === 0) return [];
  return [
    flow.checks.flatMap(({ name: check, passed, failed }) => [
      [passed, { check, outcome: "passed" }],
      [failed, { check, outcome: "failed" }],
    ]),
  ];
}

function descriptor(name: string, type: InstrumentType, unit: string, description: string) {
  return {
    name: `vrpc.benchmark.${name}`,
    type,
    unit,
    description,
    valueType: ValueType.DOUBLE,
    advice: {},
  };
}

function buckets({ latency }: Pick<RunResult, "latency">) {
  const histogram = histogramOf(latency);
  const upTo = BOUNDS.map((bound) => histogram.countAtOrBelowNs(bound * 1e9));
  const counts = [...upTo, latency.count].map((count, i) => count - (upTo[i - 1] ?? 0));
  return {
    min: (latency.minUs ?? 0) / 1e6,
    max: (latency.maxUs ?? 0) / 1e6,
    sum: (latency.meanUs ?? 0) * latency.count / 1e6,
    count: latency.count,
    buckets: { boundaries: BOUNDS, counts },
  };
}

function timeOf(ms: number): Time {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
}
