/**
 * Runs one benchmark on worker threads.
 *
 * @module
 */

import {
  type Collector,
  type RunResult,
  usefulWorkers,
  type WorkerCount,
} from "../../src/load/mod.ts";
import { sizeOf } from "../../src/load/generate/channel_target.ts";
import type { StageSettings } from "../../src/load/generate/stages.ts";
import { LoadWorkers } from "./load_workers.ts";
import { runtimeText } from "../shared/runtime.ts";
import type { RunOrder } from "./run_order.ts";

// The common start lies ahead, so that every worker gets the message before.
const START_AHEAD_MS = 30;
const PROGRESS_MS = 250;

/** Runs a benchmark to its end. Rejects when a worker can't connect or crashes. */
export async function runBenchmark(order: RunOrder): Promise<RunResult> {
  const { settings } = order;
  const { connections, threads } = settings.flags;
  const useful = usefulWorkers(threads, {
    connections: Math.min(connections, order.subject.flow?.users ?? Infinity),
    cores: navigator.hardwareConcurrency,
    plan: settings.plan,
  });
  const workers = new LoadWorkers(order, useful.workers);
  try {
    return await measured(order, workers, useful);
  } finally {
    workers.end();
  }
}

async function measured(
  order: RunOrder,
  workers: LoadWorkers,
  useful: WorkerCount,
): Promise<RunResult> {
  const { settings, signal } = order;
  await workers.ready;
  await order.server.mark();
  const stop = () => workers.stop();
  signal.addEventListener("abort", stop);
  const startEpochMs = performance.timeOrigin + performance.now() + START_AHEAD_MS;
  const measureEpochMs = startEpochMs + settings.plan.warmupMs;
  const progress = startProgress(order, workers.collector, measureEpochMs);
  workers.start(startEpochMs);
  const { warmupMs } = settings.plan;
  const marker = setTimeout(() => order.server.mark(), START_AHEAD_MS + warmupMs);
  if (signal.aborted) stop();
  try {
    await workers.done;
  } finally {
    clearInterval(progress);
    clearTimeout(marker);
    signal.removeEventListener("abort", stop);
  }
  return workers.collector.finish({
    title: order.subject.title,
    settings: settingsOfRun(order, useful.workers),
    environment: {
      startedAt: new Date(measureEpochMs).toISOString(),
      runtime: runtimeText(),
      system: `${Deno.build.os} ${Deno.build.arch}`,
      cores: navigator.hardwareConcurrency,
    },
    serverCpuMs: await order.server.cpuMs(),
    interrupted: signal.aborted,
    threadsReason: useful.reason,
  });
}

function startProgress(
  { show, settings, subject, label }: RunOrder,
  collector: Collector,
  measureEpochMs: number,
): number | undefined {
  if (!show) return undefined;
  const { durationMs, requests, warmupMs, stages } = settings.plan;
  const tick = () => {
    const sinceMs = performance.timeOrigin + performance.now() - measureEpochMs;
    const elapsedMs = warmupMs > 0 ? sinceMs : Math.max(0, sinceMs);
    show({
      label: label === undefined ? subject.title : `${label} · ${subject.title}`,
      ...{ elapsedMs, durationMs, requests, stage: stages && stageAt(stages, elapsedMs) },
      live: collector.live(elapsedMs),
      history: collector.history(elapsedMs),
    });
  };
  tick();
  return setInterval(tick, PROGRESS_MS) as unknown as number;
}

function stageAt(stages: readonly StageSettings[], elapsedMs: number): string | undefined {
  let endMs = 0;
  return stages.find(({ durationMs }) => elapsedMs < (endMs += durationMs))?.name;
}

function settingsOfRun(order: RunOrder, threads: number): RunResult["settings"] {
  const { settings, subject, endpoint } = order;
  const { plan, flags } = settings;
  return {
    server: endpoint.address,
    transport: settings.transport,
    wire: endpoint.wire,
    method: subject.flow
      ? `flow of ${subject.title}`
      : subject.calls.map(({ spec }) => spec.path).join(", "),
    mode: plan.mode,
    ratePerSecond: plan.ratePerSecond ?? null,
    arrivals: plan.arrivals,
    connections: flags.connections,
    streams: subject.flow ? Math.ceil(subject.flow.users / flags.connections) : settings.streams,
    threads,
    threadsAsked: flags.threads,
    requests: plan.requests ?? null,
    durationMs: plan.durationMs ?? null,
    warmupMs: plan.warmupMs,
    requestBytes: meanBytes(subject.calls.flatMap(({ spec }) => spec.requests.encoded)),
    batch: endpoint.batch,
    seed: plan.seed,
    stages: plan.stages ?? [],
    methods: subject.calls.map(({ spec, weight }) => ({ name: spec.path.slice(1), weight })),
    tags: settings.tags,
  };
}

function meanBytes(requests: readonly (readonly Uint8Array[])[]): number {
  return requests.length === 0 ? 0 : Math.round(sizeOf(requests.flat()) / requests.length);
}
