/**
 * Whether two servers differ, from rounds that were measured in turn.
 *
 * Both servers of a round see the same state of the machine, so that its drift cancels out in their ratio. Of the
 * logarithms of the ratios the mean has a confidence interval by Student's t. Rounds that are still needed are those of
 * Stein's two-stage procedure (A two-sample test for a linear hypothesis whose power is independent of the variance, 1945).
 *
 * @module
 */

import { studentQuantile } from "./student.ts";

/** Probability of a difference that is not there: 1 %, so that 19 of 20 comparisons of a server with itself find none. */
export const ERROR_PROBABILITY = 0.01;
/** Probability of finding a difference as large as was asked for, with the rounds that are proposed. */
export const POWER = 0.995;
/** Fewest rounds from which a difference can be judged. */
export const LEAST_ROUNDS = 5;

/** Outcome of a comparison. */
export type Verdict = "different" | "same" | "undecided";

/** Ratio of two servers, as the change from the first to the second. */
export interface Significance {
  /** `different`: a change is certain. `same`: none as large as asked for. `undecided`: the noise hides it. */
  readonly verdict: Verdict;
  /** Change, in percent: the geometric mean of the rounds. */
  readonly changePercent: number;
  /** Confidence interval of the change, in percent. */
  readonly intervalPercent: readonly [low: number, high: number];
  /** Rounds that were compared. */
  readonly rounds: number;
  /** Rounds in which a change as large as asked for is found with {@link POWER}. */
  readonly neededRounds: number;
}

/**
 * Compares pairs of values above 0, one pair of each round. `differencePercent` is the change that is to be found. Returns
 * undefined for fewer than two usable pairs.
 */
export function significanceOf(
  pairs: readonly (readonly [first: number, second: number])[],
  differencePercent: number,
): Significance | undefined {
  const logs = pairs.filter(([a, b]) => a > 0 && b > 0).map(([a, b]) => Math.log(b / a));
  const rounds = logs.length;
  if (rounds < 2) return undefined;
  const mean = logs.reduce((a, b) => a + b, 0) / rounds;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (rounds - 1);
  const half = studentQuantile(1 - ERROR_PROBABILITY / 2, rounds - 1) *
    Math.sqrt(variance / rounds);
  const interval = [percent(mean - half), percent(mean + half)] as const;
  return {
    verdict: verdictOf(interval, rounds, differencePercent),
    changePercent: percent(mean),
    intervalPercent: interval,
    rounds,
    neededRounds: neededRounds(variance, rounds, differencePercent),
  };
}

function verdictOf(
  [low, high]: readonly [number, number],
  rounds: number,
  differencePercent: number,
): Verdict {
  if (rounds < LEAST_ROUNDS) return "undecided";
  if (low > 0 || high < 0) return "different";
  const { below, above } = boundsOf(differencePercent);
  return low > below && high < above ? "same" : "undecided";
}

/** Changes, in percent, of a second value that is better or worse by `differencePercent`. */
function boundsOf(differencePercent: number): { below: number; above: number } {
  return { below: percent(-Math.log1p(differencePercent / 100)), above: differencePercent };
}

function neededRounds(variance: number, rounds: number, differencePercent: number): number {
  const freedom = rounds - 1;
  const spread = studentQuantile(1 - ERROR_PROBABILITY / 2, freedom) +
    studentQuantile(POWER, freedom);
  const needed = variance * (spread / Math.log1p(differencePercent / 100)) ** 2;
  return Math.max(LEAST_ROUNDS, Math.ceil(needed));
}

function percent(log: number): number {
  return Math.expm1(log) * 100;
}
