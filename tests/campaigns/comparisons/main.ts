/**
 * What the benchmark's comparisons are worth: how often it finds a difference between two servers of one kind, which
 * there is not, and how often one of 5 %, with the rounds that it proposes. Exits with 1 if it is wrong more than once
 * in 20 times.
 *
 *     deno task test:comparisons [--tries 20] [--seconds 0.3]
 *
 * @module
 */

import { join } from "node:path";
import { number, readArguments, whole } from "../../../scripts/arguments.ts";
import { Processes } from "../../fixtures/processes.ts";
import { runProgram } from "../../fixtures/run_program.ts";

const USAGE = `
deno task test:comparisons [--tries N] [--seconds N]

  --tries N    comparisons of each kind; default 20
  --seconds N  time for each server in each round; default 0.3
`;
/** Time that a call keeps the server busy, in µs, and that of a slower one: 5 % more of the calls' latency. */
const BUSY_US = 1_000;
const SLOWER = 1.05;

const { values: { tries, seconds } } = readArguments(USAGE, {
  tries: whole(20, 1, 1_000),
  seconds: number(0.3, 0.05, 60),
});

interface Comparison {
  readonly verdict: "same" | "different" | "undecided";
  readonly changePercent: number;
  readonly rounds: number;
}

/** Compares two servers by the calls per second of one connection. */
async function compare(server: string, against: string): Promise<Comparison> {
  const { code, stdout, stderr } = await runProgram("cmd/benchmark.ts", [
    ...["-s", server, "--against", against, "-c", "1", "-t", "1", "-o", "json"],
    ...["-d", `${seconds}s`, "--warmup", "50ms"],
  ]);
  if (code !== 0) throw new Error(`benchmark: ${stderr}`);
  const { verdict, changePercent, rounds } = JSON.parse(stdout).rounds.figures[0];
  return { verdict, changePercent, rounds };
}

/** The median latency of calls one at a time, in µs. */
async function latencyUs(address: string): Promise<number> {
  const { code, stdout, stderr } = await runProgram("cmd/benchmark.ts", [
    ...["-s", address, "-c", "1", "-t", "1", "-o", "json", "-d", "2s", "--warmup", "500ms"],
  ]);
  if (code !== 0) throw new Error(`benchmark: ${stderr}`);
  return JSON.parse(stdout).runs[0].latency.percentilesUs.p50;
}

/** Compares `server` with `other` again and again; returns how often the verdict was wrong. */
async function wrongVerdicts(
  what: string,
  server: string,
  other: string,
  isRight: (found: Comparison) => boolean,
): Promise<number> {
  let wrong = 0;
  const rounds: number[] = [];
  for (let i = 0; i < tries; i++) {
    const found = await compare(server, other);
    rounds.push(found.rounds);
    const right = isRight(found);
    if (!right) wrong++;
    const change = `${found.changePercent.toFixed(1)} %`;
    console.log(
      `${what}: ${found.verdict}, ${change}, ${found.rounds} rounds${right ? "" : ", wrong"}`,
    );
  }
  rounds.sort((one, another) => one - another);
  const median = rounds[rounds.length >> 1];
  console.log(
    `${what}: right in ${tries - wrong} of ${tries}; ` +
      `${rounds[0]} to ${rounds.at(-1)} rounds, median ${median}`,
  );
  return wrong;
}

async function main(): Promise<boolean> {
  await using processes = new Processes();
  const program = join(import.meta.dirname!, "server.ts");
  const start = (busyUs: number) =>
    processes.start([Deno.execPath(), "run", "--quiet", "-A", program, `${busyUs}`]).address();
  const server = await start(BUSY_US);
  const equal = await start(BUSY_US);
  // By 5 % of what a call takes in all, not of the time in the handler.
  const slower = await start(BUSY_US + await latencyUs(server) * (SLOWER - 1));
  const wrong = [
    await wrongVerdicts(
      "a server of the same kind",
      ...[server, equal] as const,
      ({ verdict }) => verdict !== "different",
    ),
    await wrongVerdicts(
      "a server that is 5 % slower",
      ...[server, slower] as const,
      ({ verdict, changePercent }) => verdict === "different" && changePercent < 0,
    ),
  ];
  return wrong.every((count) => count <= tries / 20);
}

Deno.exit(await main() ? 0 : 1);
