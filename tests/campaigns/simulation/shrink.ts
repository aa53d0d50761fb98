/** Search for a shorter program that fails in the same way. */

import { Broken } from "./calls.ts";
import type { CallPlan, ConnectionPlan, Program } from "./program.ts";
import { runProgram } from "./world.ts";

/** Kind of a failure: failures of the same fault have the same. */
export function kindOf(error: Error): string {
  return error instanceof Broken
    ? error.kind
    : `${error.name}: ${error.message.replace(/\d+/g, "#")}`;
}

const SIMPLE_CALL: Partial<CallPlan> = {
  atMs: 0,
  connection: 0,
  requestGapMs: 0,
  responseGapMs: 0,
  respondAfter: "end",
  status: 0,
  statusText: "",
  metadata: [0, 0, 0],
  headersFirst: false,
  compressed: false,
  cancelAfterMs: -1,
  timeoutMs: -1,
  serverPauseMs: 0,
  clientPauseMs: 0,
  lingerMs: 0,
};

const SIMPLE_CONNECTION: ConnectionPlan = {
  delayMs: 0,
  jitterMs: 0,
  capacityBytes: 1 << 20,
  pieceBytes: 1 << 20,
  grpcClient: {},
  grpcServer: { maxReceiveMessageBytes: 4_194_304 },
  leanClient: {},
  leanServer: { maxReceiveMessageBytes: 4_194_304 },
};

function without<T>(list: readonly T[], from: number, count: number): T[] {
  return [...list.slice(0, from), ...list.slice(from + count)];
}

function replaced<T>(list: readonly T[], at: number, item: T): T[] {
  return list.map((one, i) => i === at ? item : one);
}

function* fewer<T>(list: readonly T[]): Iterable<T[]> {
  for (let count = list.length; count >= 1; count = Math.floor(count / 2)) {
    for (let from = 0; from < list.length; from += count) yield without(list, from, count);
  }
}

function* simplerCalls(plan: CallPlan): Iterable<CallPlan> {
  if (plan.status !== 0) yield { ...plan, status: 0, statusText: "" };
  for (const [key, value] of Object.entries(SIMPLE_CALL)) {
    if (key === "status") continue;
    if (JSON.stringify(plan[key as keyof CallPlan]) !== JSON.stringify(value)) {
      yield { ...plan, [key]: value };
    }
  }
  for (const key of ["requests", "responses"] as const) {
    const streams = plan[key === "requests" ? "requestStreams" : "responseStreams"];
    if (streams || plan.status !== 0) {
      for (const list of fewer(plan[key])) yield { ...plan, [key]: list };
    }
    for (let i = 0; i < plan[key].length; i++) {
      for (const size of [0, 1, plan[key][i] >> 1]) {
        if (size < plan[key][i]) yield { ...plan, [key]: replaced(plan[key], i, size) };
      }
    }
  }
}

function* simplerConnections(plan: ConnectionPlan): Iterable<ConnectionPlan> {
  for (const [key, value] of Object.entries(SIMPLE_CONNECTION)) {
    if (JSON.stringify(plan[key as keyof ConnectionPlan]) !== JSON.stringify(value)) {
      yield { ...plan, [key]: value };
    }
  }
}

function* simpler(program: Program): Iterable<Program> {
  for (const calls of fewer(program.calls)) yield { ...program, calls };
  for (const faults of fewer(program.faults)) yield { ...program, faults };
  if (program.connections.length > 1) {
    yield { ...program, connections: program.connections.slice(0, 1) };
  }
  for (let i = 0; i < program.connections.length; i++) {
    for (const plan of simplerConnections(program.connections[i])) {
      yield { ...program, connections: replaced(program.connections, i, plan) };
    }
  }
  for (let i = 0; i < program.calls.length; i++) {
    for (const plan of simplerCalls(program.calls[i])) {
      yield { ...program, calls: replaced(program.calls, i, plan) };
    }
  }
  for (let i = 0; i < program.faults.length; i++) {
    for (const atMs of [0, program.faults[i].atMs >> 1]) {
      if (atMs < program.faults[i].atMs) {
        yield { ...program, faults: replaced(program.faults, i, { ...program.faults[i], atMs }) };
      }
    }
  }
  if (program.workMsPerKiB > 0) yield { ...program, workMsPerKiB: 0 };
  for (const networkSeed of [0, 1, 2]) {
    if (networkSeed < program.networkSeed) yield { ...program, networkSeed };
  }
}

/** Whether a program fails with this kind of failure. */
export function failsWith(kind: string): (program: Program) => boolean {
  return (program) => {
    const error = runProgram(program);
    return error !== null && kindOf(error) === kind;
  };
}

/** Shrinks a program while it still `fails`; tries at most `tries` programs. */
export function shrink(
  program: Program,
  fails: (program: Program) => boolean,
  tries = 3_000,
): Program {
  let best = program;
  for (let better = true; better && tries > 0;) {
    better = false;
    for (const candidate of simpler(best)) {
      if (tries-- <= 0) break;
      if (!fails(candidate)) continue;
      best = candidate;
      better = true;
      break;
    }
  }
  return best;
}

/** A program as one line of JSON; Infinity, which JSON lacks, as a string. */
export function print(program: Program): string {
  return JSON.stringify(program, (_, value) => value === Infinity ? "Infinity" : value);
}
