/**
 * The benchmark program: puts load on any gRPC or lean server and measures latency and throughput.
 *
 *     deno task benchmark --server 127.0.0.1:50051 --duration 10s --rate 5000
 *
 * @module
 */

import type { Channel } from "../mod.ts";
import type { LiveState, ReportFile, RunResult } from "../src/load/mod.ts";
import { closeAll, CONNECT_TIMEOUT_MS, openChannels } from "./benchmark/connect.ts";
import { findLimit } from "./benchmark/find_limit.ts";
import type { Endpoint } from "./benchmark/messages.ts";
import { applyPreset, benchmarkCommand, type Flags, withDataFlag } from "./benchmark/options.ts";
import { checkOut, readOldReport, writeReports, writeRounds } from "./benchmark/output.ts";
import { probe } from "./benchmark/probe.ts";
import { type Progress, progressOf } from "./benchmark/progress.ts";
import { measureInTurn, measureRounds } from "./benchmark/rounds.ts";
import { runBenchmark } from "./benchmark/run.ts";
import type { RunOrder } from "./benchmark/run_order.ts";
import { applyScenario } from "./benchmark/scenario.ts";
import { runningServer, type ServerSide, startOwnServer } from "./benchmark/server_side.ts";
import { type Settings, settingsOf, withFlowMethods } from "./benchmark/settings.ts";
import { algorithmFor, type Subject, subjectsOf } from "./benchmark/subject.ts";
import { programArguments } from "./shared/arguments.ts";
import { errorLine, readOptions, runProgram, UsageError } from "./shared/program.ts";
import { closeSoon } from "./shared/waits.ts";

/** Signals within this time count as one: terminals and task runners may deliver one Ctrl-C twice. */
const SAME_SIGNAL_MS = 200;
const NOTHING_MEASURED = 1;
const CONDITION_HELD = 3;

/** Returns a signal that aborts at the first Ctrl-C; a later one ends the process immediately. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  const on = (signal: Deno.Signal, code: number) =>
    Deno.addSignalListener(signal, () => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        controller.abort();
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
        Deno.exit(code);
      }
    });
  on("SIGINT", 130);
  // Windows has no SIGTERM.
  if (Deno.build.os !== "windows") on("SIGTERM", 143);
  return controller.signal;
}

/** Connects once, resolves the methods and calls each of them once. Throws {@link UsageError}. */
async function prepare(endpoint: Endpoint, settings: Settings): Promise<Subject[]> {
  let channels: Channel[] = [];
  try {
    channels = await openChannels(endpoint, 1);
    const subjects = await subjectsOf(settings, channels[0]);
    for (const { spec } of subjects.flatMap(({ calls }) => calls)) {
      await probe(channels[0], spec, CONNECT_TIMEOUT_MS);
    }
    return subjects;
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(errorLine(error));
  } finally {
    await closeSoon({ close: () => closeAll(channels) });
  }
}

async function measure(
  orders: readonly RunOrder[],
  progress: Progress | undefined,
): Promise<RunResult[]> {
  const results: RunResult[] = [];
  for (const order of orders) {
    const run = order.settings.limit ? findLimit : runBenchmark;
    results.push(await run(order));
    progress?.clear();
    if (order.signal.aborted) break;
  }
  return results;
}

/** Measures in rounds, and writes their report. */
async function inRounds(
  order: RunOrder,
  old: ReportFile | undefined,
  progress: Progress | undefined,
): Promise<RunResult[]> {
  const { settings } = order;
  const { against } = settings.flags;
  const measured = async () => {
    if (against === undefined) return await measureRounds(order, old);
    await using server = runningServer(against);
    const endpoint = { ...order.endpoint, address: against };
    await prepare(endpoint, settings);
    return await measureInTurn(order, { ...order, endpoint, server });
  };
  const rounds = await measured();
  progress?.clear();
  await writeRounds(rounds, settings);
  return [...rounds.before, ...rounds.after];
}

async function main(): Promise<number> {
  const command = benchmarkCommand();
  readOptions<Flags>(command, withDataFlag(programArguments()));
  applyPreset(command);
  const { scenario } = command.opts<Flags>();
  if (scenario !== undefined) await applyScenario(command, scenario);
  const flags = command.opts<Flags>();
  const asked = await settingsOf(command);
  algorithmFor(flags);
  await checkOut(flags.out);
  const old = await readOldReport(flags.compare);
  await using server = asked.server === undefined
    ? await startOwnServer(asked.transport)
    : runningServer(asked.server);
  const endpoint: Endpoint = {
    address: server.address,
    wire: flags.wire,
    tls: tlsFor(server, asked),
    batch: flags.batch,
  };
  const subjects = await prepare(endpoint, asked);
  const { flow } = subjects[0];
  const settings = flow ? withFlowMethods(asked, flow.called) : asked;
  const progress = progressOf(flags);
  const show = progress && ((state: LiveState) => progress.show(state));
  const shared = { settings, endpoint, server, show, signal: interruption() };
  const orders = subjects.map((subject): RunOrder => ({ subject, ...shared }));
  const hasRounds = flags.against !== undefined || flags.rounds !== undefined;
  const results = hasRounds
    ? await inRounds(orders[0], old, progress)
    : await measure(orders, progress);
  if (!hasRounds) await writeReports(results, settings, old);
  if (conditionsHold(results, settings)) return CONDITION_HELD;
  return somethingMeasured(results) ? 0 : NOTHING_MEASURED;
}

/** Whether calls succeeded in every run that was not stopped by the user; says so if not. */
function somethingMeasured(results: readonly RunResult[]): boolean {
  const empty = results.filter((run) => run.successfulRequests === 0 && !run.interrupted);
  for (const { title, totalRequests } of empty) {
    console.error(`benchmark: ${title}: not one of ${totalRequests} calls succeeded`);
  }
  return empty.length === 0;
}

/** Trusts the certificate of an own server; otherwise as the options say. */
function tlsFor(server: ServerSide, { tls }: Settings): Endpoint["tls"] {
  return server.tls ? { ...server.tls, ...(tls === true ? {} : tls) } : tls;
}

function conditionsHold(results: readonly RunResult[], { conditions }: Settings): boolean {
  let any = false;
  for (const result of results) {
    for (const condition of conditions) {
      const { holds, found } = condition.check(result);
      if (!holds) continue;
      any = true;
      console.error(`benchmark: ${result.title}: ${condition.text} holds: ${found}`);
    }
  }
  return any;
}

await runProgram("benchmark", main);
