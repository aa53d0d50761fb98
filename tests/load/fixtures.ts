import type { WorkerPlan } from "../../src/load/generate/plan.ts";
import { Collector } from "../../src/load/measure/collector.ts";
import type { IntervalReport, WorkerResult } from "../../src/load/measure/recorder.ts";
import type { RunResult, RunSettings } from "../../src/load/measure/result.ts";
import { startLoad } from "../../src/load/generate/runner.ts";
import { RpcError, type Status } from "../../mod.ts";
import type { Target } from "../../src/load/generate/target.ts";
import type { Reply } from "../../src/load/measure/reply.ts";
import { VirtualTime } from "./virtual_time.ts";

export const REPLY: Reply = { byteLength: 64 };

export function plan(changes: Partial<WorkerPlan> = {}): WorkerPlan {
  return {
    mode: "closed",
    arrivals: "uniform",
    warmupMs: 0,
    drainMs: 5000,
    intervalMs: 1000,
    seed: 1,
    worker: 0,
    workers: 1,
    ...changes,
  };
}

export function settings(changes: Partial<RunSettings> = {}): RunSettings {
  return {
    server: "127.0.0.1:50051",
    transport: "tcp",
    wire: "grpc",
    method: "/vrpc.echo.v1.EchoService/Echo",
    mode: "closed",
    ratePerSecond: null,
    arrivals: "uniform",
    connections: 10,
    streams: 1,
    threads: 1,
    threadsAsked: 4,
    requests: null,
    durationMs: 30_000,
    warmupMs: 0,
    requestBytes: 64,
    batch: false,
    seed: 1,
    stages: [],
    methods: [{ name: "vrpc.echo.v1.EchoService/Echo", weight: 1 }],
    tags: {},
    ...changes,
  };
}

/** Creates a target in virtual time; `serve` returns the duration of call number `sequence`, started at `atMs`. */
export function simulatedTarget(
  time: VirtualTime,
  slots: number,
  serve: (sequence: number, atMs: number) => number,
  reply: Reply = REPLY,
  serverUs?: number,
): Target & { started: number } {
  return {
    slots,
    sentBytes: () => 32,
    serverTimeUs: serverUs === undefined ? undefined : () => serverUs,
    started: 0,
    async call(_slot, sequence) {
      this.started++;
      await time.sleep(serve(sequence, time.now()));
      return reply;
    },
  };
}

/** Server of known latency: 1 ms, every 100th call 50 ms, frozen from 10 s to 11 s. */
export function knownLatency(sequence: number, atMs: number): number {
  const work = sequence % 100 === 99 ? 50 : 1;
  return atMs >= 10_000 && atMs < 11_000 ? 11_000 - atMs + work : work;
}

export interface Outcome {
  readonly result: WorkerResult;
  readonly intervals: readonly IntervalReport[];
  readonly run: RunResult;
}

/** Runs a plan against a target in virtual time and returns its result. */
export async function simulate(
  time: VirtualTime,
  target: Target,
  workerPlan: WorkerPlan,
  stopAtMs?: number,
): Promise<Outcome> {
  const intervals: IntervalReport[] = [];
  const load = startLoad(target, workerPlan, {
    clock: time,
    onInterval: (report) => intervals.push(report),
  });
  if (stopAtMs !== undefined) time.setTimer(() => load.stop(), stopAtMs);
  const result = await time.run(load.done);
  const collector = new Collector(workerPlan.intervalMs);
  for (const interval of intervals) collector.addInterval(interval);
  collector.addResult(result);
  const run = collector.finish({
    title: "Echo Service",
    settings: settings({
      mode: workerPlan.mode,
      ratePerSecond: workerPlan.ratePerSecond ?? null,
      durationMs: workerPlan.durationMs ?? null,
      requests: workerPlan.requests ?? null,
      stages: workerPlan.stages ?? [],
      methods: Array.from({ length: target.methods ?? 1 }, (_, i) => {
        return { name: `shop.v1.Orders/M${i + 1}`, weight: i + 1 };
      }),
    }),
    environment: {
      startedAt: "2026-01-02T03:04:05.000Z",
      runtime: "Deno 2.9.6",
      system: "linux x86_64",
      cores: 2,
    },
    serverCpuMs: 1234,
    interrupted: false,
  });
  return { result, intervals, run };
}

/** Runs 15 s against the server of known latency, in an open loop with `rate`, else in a closed one. */
export async function frozenRun(rate?: number): Promise<RunResult> {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 50, knownLatency, { byteLength: 80 }, 400);
  const loop = rate === undefined ? {} : { mode: "open", ratePerSecond: rate } as const;
  return (await simulate(time, target, plan({ durationMs: 15_000, ...loop }))).run;
}

/** Runs 1,000 calls of 10 ms, of which those fail that `codeOf` returns a code for. */
export async function failingRun(
  codeOf: (sequence: number) => Status | undefined,
  unreachable?: (slot: number) => boolean,
): Promise<RunResult> {
  const time = new VirtualTime();
  const target = simulatedTarget(time, 10, () => 10);
  const call = target.call;
  target.call = async (slot, sequence) => {
    const reply = await call.call(target, slot, sequence);
    const code = codeOf(sequence);
    if (code !== undefined) throw new RpcError(code, "not today");
    return reply;
  };
  return (await simulate(time, { ...target, unreachable }, plan({ requests: 1000 }))).run;
}

/** Runs 3 s in two stages, `calm` at 100 and `peak` at 1,000 calls/s, with two methods; calls take 10 ms. */
export async function stagedRun(): Promise<RunResult> {
  const time = new VirtualTime();
  const stages = [
    { name: "calm", durationMs: 2000, fromRate: 100, toRate: 100 },
    { name: "peak", durationMs: 1000, fromRate: 1000, toRate: 1000 },
  ];
  const target = {
    ...simulatedTarget(time, 50, (_, atMs) => atMs < 2000 ? 10 : 30),
    methods: 2,
    methodOf: (slot: number) => slot % 2,
  };
  const staged = { mode: "open", ratePerSecond: 1000, durationMs: 3000, stages } as const;
  const { run } = await simulate(time, target, plan(staged));
  return { ...run, settings: { ...run.settings, tags: { build: "7 <b>", region: "eu" } } };
}
