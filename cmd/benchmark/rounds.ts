/**
 * Measures two servers in turn, or one several times, over several rounds.
 *
 * @module
 */

import {
  compareRounds,
  matchingRun,
  proposedRounds,
  type ReportFile,
  type RoundComparison,
  type RoundSides,
  type RunResult,
} from "../../src/load/mod.ts";
import { runBenchmark } from "./run.ts";
import type { RunOrder } from "./run_order.ts";

/** Rounds from which the number of all rounds is computed. */
const FIRST_ROUNDS = 6;
/** Rounds beyond which the noise is too large for an answer in reasonable time. */
const MOST_ROUNDS = 100;

/** What rounds gave. */
export interface Rounds {
  /** Runs of the first server; empty when an older report takes its place. */
  readonly before: readonly RunResult[];
  /** Runs of the second server, or of the only one. */
  readonly after: readonly RunResult[];
  /** Comparison; undefined with nothing to compare with. */
  readonly comparison?: RoundComparison;
}

/** Measures `first` and `second` in turn, and which one begins alternates, until there are enough rounds. */
export async function measureInTurn(first: RunOrder, second: RunOrder): Promise<Rounds> {
  const { rounds: asked = "auto", difference } = first.settings.flags;
  const sides: RoundSides = {
    before: first.endpoint.address,
    after: second.endpoint.address,
    differencePercent: difference,
  };
  const before: RunResult[] = [];
  const after: RunResult[] = [];
  let wanted = asked === "auto" ? FIRST_ROUNDS : asked;
  for (let round = 1; round <= wanted && !first.signal.aborted; round++) {
    const runs = [
      async () => void before.push(await runRound(first, round, wanted)),
      async () => void after.push(await runRound(second, round, wanted)),
    ];
    for (const run of round % 2 === 1 ? runs : runs.reverse()) await run();
    if (asked === "auto" && round === FIRST_ROUNDS) {
      const proposed = proposedRounds(compareRounds(before, after, sides));
      wanted = Math.min(MOST_ROUNDS, Math.max(wanted, proposed ?? 0));
    }
  }
  return { before, after, comparison: compareRounds(before, after, sides) };
}

/** Measures one server several times, and compares with the rounds of an older report. */
export async function measureRounds(order: RunOrder, old: ReportFile | undefined): Promise<Rounds> {
  const { rounds, difference } = order.settings.flags;
  const wanted = Number(rounds);
  const after: RunResult[] = [];
  for (let round = 1; round <= wanted && !order.signal.aborted; round++) {
    after.push(await runRound(order, round, wanted));
  }
  const match = old && matchingRun(old, after[0]);
  if (!match) return { before: [], after };
  const before = old.runs.filter(({ settings }) =>
    settings.method === match.settings.method && settings.server === match.settings.server
  );
  const side = ({ environment, settings }: RunResult) =>
    `${settings.server} at ${environment.startedAt}`;
  const sides = { before: side(match), after: side(after[0]), differencePercent: difference };
  return { before: [], after, comparison: compareRounds(before, after, sides) };
}

function runRound(order: RunOrder, round: number, wanted: number): Promise<RunResult> {
  const label = `round ${round} of ${wanted} · ${order.endpoint.address}`;
  return runBenchmark({ ...order, label });
}
