/**
 * Thread of the benchmark, with its share of the connections and the load.
 *
 * @module
 */

import type { Channel } from "../../mod.ts";
import { mixedTarget } from "../../src/load/generate/method_mix.ts";
import {
  coarseClock,
  exactClock,
  type LoadRun,
  share,
  startLoad,
  type Target,
} from "../../src/load/mod.ts";
import { openFlow } from "./flow.ts";
import { closeAll, openChannels } from "./connect.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { EARLY_MS, Metronome } from "./metronome.ts";
import { threadCpuMs } from "./thread_cpu.ts";
import { errorLine } from "../shared/program.ts";
import { closeSoon } from "../shared/waits.ts";

/** Subset of a dedicated worker's global scope. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
  close(): void;
}

/** Calls per second of one thread above which waking up for each costs more than a busy core. */
const MAX_SLEEPING_RATE = 8_000;
/** Longest time to wake up that does not count as latency. */
const WAKE_UP_MS = 1;

const scope = globalThis as unknown as WorkerScope;
let prepared: (ToWorker & { type: "prepare" }) | undefined;
let channels: Channel[] = [];
let metronome: Metronome | undefined;
let target: Target | undefined;
let run: LoadRun | undefined;
let stopped = false;

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "prepare":
      prepared = data;
      prepare(data);
      break;
    case "start":
      measure(data.atEpochMs);
      break;
    case "stop":
      stopped = true;
      run?.stop();
      break;
    case "end":
      end();
  }
};

async function prepare(
  { endpoint, connections, streams, calls, flow, plan }: ToWorker & { type: "prepare" },
): Promise<void> {
  try {
    const { ratePerSecond, workers } = plan;
    if (ratePerSecond !== undefined && ratePerSecond / workers <= MAX_SLEEPING_RATE) {
      metronome = await Metronome.start(
        plan.mode === "open" ? { ...plan, ratePerSecond } : undefined,
      );
    }
    channels = await openChannels(endpoint, connections);
    const users = flow && share(flow.users, plan.worker, plan.workers);
    target = flow
      ? await openFlow(flow, channels, users!, plan)
      : mixedTarget(channels, streams, calls, plan);
    scope.postMessage({ type: "ready" });
  } catch (error) {
    scope.postMessage({ type: "failed", message: errorLine(error) });
  }
}

async function measure(atEpochMs: number): Promise<void> {
  const { plan } = prepared!;
  let cpuBeforeMs: number | undefined;
  const startAtMs = atEpochMs - performance.timeOrigin;
  if (plan.mode === "open") metronome?.begin(startAtMs);
  run = startLoad(target!, plan, {
    clock: coarseClock,
    pacer: metronome ?? exactClock,
    wakeUpMs: metronome && WAKE_UP_MS,
    earlyMs: metronome && plan.mode === "open" ? EARLY_MS : undefined,
    startAtMs,
    onInterval: (report) => scope.postMessage({ type: "interval", report }),
    onMeasure: () => cpuBeforeMs = threadCpuMs(),
  });
  if (stopped) run.stop();
  const result = await run.done;
  const cpuAfterMs = threadCpuMs();
  const cpuMs = cpuBeforeMs === undefined || cpuAfterMs === undefined
    ? undefined
    : cpuAfterMs - cpuBeforeMs;
  scope.postMessage({ type: "done", result: { ...result, cpuMs } });
  await end();
}

/** Ends this thread and its metronome. */
async function end(): Promise<void> {
  metronome?.close();
  await closeSoon({ close: () => closeAll(channels) });
  scope.close();
}
