/**
 * Comparison of two servers, or of a server before and after a change, over several rounds.
 *
 * @module
 */

import type { RunResult } from "../measure/result.ts";
import { count, microseconds } from "../measure/units.ts";
import { type Significance, significanceOf } from "./significance.ts";

/** Figure of both sides over all rounds. */
export interface RoundFigure extends Significance {
  /** Name of the figure. */
  readonly name: string;
  /** Median of the rounds of the first side. */
  readonly before: number;
  /** Median of the rounds of the second side. */
  readonly after: number;
  /** Unit of both. */
  readonly unit: "calls/s" | "µs";
  /** Whether more is better. */
  readonly moreIsBetter: boolean;
  /** Value of each round, in order, of both sides. */
  readonly pairs: readonly (readonly [before: number, after: number])[];
}

/** Comparison over rounds. */
export interface RoundComparison {
  /** First side, for headings: a server, or the time of an older report. */
  readonly before: string;
  /** Second side. */
  readonly after: string;
  /** Change, in percent, that was to be found. */
  readonly differencePercent: number;
  /** Figures; the first decides how many rounds are needed. */
  readonly figures: readonly RoundFigure[];
}

/** How a side is called. */
export interface RoundSides {
  /** First side. */
  readonly before: string;
  /** Second side. */
  readonly after: string;
  /** Change to find, in percent. */
  readonly differencePercent: number;
}

/** Compares the rounds of two sides, of which those with the same number were measured one after the other. */
export function compareRounds(
  before: readonly RunResult[],
  after: readonly RunResult[],
  sides: RoundSides,
): RoundComparison {
  const figures: RoundFigure[] = [];
  const add = (
    name: string,
    unit: RoundFigure["unit"],
    moreIsBetter: boolean,
    of: (run: RunResult) => number | null,
  ) => {
    const rounds = Math.min(before.length, after.length);
    const pairs = Array.from(
      { length: rounds },
      (_, i) => [of(before[i]) ?? 0, of(after[i]) ?? 0] as const,
    );
    const significance = significanceOf(pairs, sides.differencePercent);
    if (significance === undefined) return;
    const medians = {
      before: median(pairs.map(([value]) => value)),
      after: median(pairs.map(([, value]) => value)),
    };
    figures.push({ name, unit, moreIsBetter, pairs, ...medians, ...significance });
  };
  // In an open loop both have the rate that was asked for.
  if (before[0]?.settings.mode === "closed") {
    add("Requests per second", "calls/s", true, (run) => run.requestsPerSecond);
  }
  for (const name of ["p50", "p90", "p99"]) {
    add(name, "µs", false, (run) => run.latency.percentilesUs[name]);
  }
  add("Average latency", "µs", false, (run) => run.latency.meanUs);
  return { ...sides, figures };
}

/** Returns the rounds in which the first figure shows the difference; undefined before there are two rounds. */
export function proposedRounds({ figures }: RoundComparison): number | undefined {
  return figures[0]?.neededRounds;
}

/** Formats a value of a figure. */
export function figureText({ unit }: Pick<RoundFigure, "unit">, value: number): string {
  return unit === "µs" ? microseconds(value) : count(value);
}

/** Formats a change: `+5.1 %`. */
export function changeText(percent: number): string {
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)} %`;
}

/** Formats what the comparison found about a figure. */
export function verdictText(figure: RoundFigure, differencePercent: number): string {
  const { verdict, changePercent, moreIsBetter, neededRounds, rounds } = figure;
  switch (verdict) {
    case "different":
      return (changePercent > 0) === moreIsBetter ? "better" : "worse";
    case "same":
      return `no difference of ${differencePercent} %`;
    case "undecided":
      return `no difference found; ${
        count(Math.max(neededRounds, rounds + 1))
      } rounds would show ${differencePercent} %`;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}
