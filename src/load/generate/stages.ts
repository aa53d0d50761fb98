/**
 * Stages of a run, in each of which the rate is constant or changes evenly, and the usual shapes of load.
 *
 * @module
 */

import { parseDurationMs } from "../measure/units.ts";
import type { StageSettings } from "../measure/result.ts";

export type { StageSettings };

/** Shape of load that `--shape` names. */
export type Shape = "constant" | "step" | "ramp" | "spike" | "soak";

/** Names of the shapes. */
export const SHAPES: readonly Shape[] = ["constant", "step", "ramp", "spike", "soak"];

const MAX_STAGES = 100;
const FORM = "use a form like 10s@100,1m@100..2000,peak=30s@2000";

/** Returns the stages of a shape that lasts `durationMs` and whose highest rate is `rate` calls/s. */
export function stagesOfShape(shape: Shape, rate: number, durationMs: number): StageSettings[] {
  const stage = (name: string, share: number, fromRate: number, toRate = fromRate) => {
    return { name, durationMs: durationMs * share, fromRate, toRate };
  };
  switch (shape) {
    case "constant":
      return [stage("constant", 1, rate)];
    case "step":
      return [1, 2, 3, 4, 5].map((step) => stage(`step${step}`, 0.2, rate * step / 5));
    case "ramp":
      return [stage("ramp", 1, 0, rate)];
    case "spike":
      return [
        stage("before", 0.4, rate / 10),
        stage("spike", 0.2, rate),
        stage("after", 0.4, rate / 10),
      ];
    case "soak":
      return [
        stage("rise", 0.05, 0, rate),
        stage("hold", 0.9, rate),
        stage("fall", 0.05, rate, 0),
      ];
  }
}

/**
 * Parses stages such as `10s@100,1m@100..2000,peak=30s@2000`: an optional name, the duration, and the rate in calls/s,
 * constant or from one to another. `30s@..500` begins with the rate before. Throws TypeError.
 */
export function parseStages(text: string): StageSettings[] {
  const stages: StageSettings[] = [];
  for (const part of text.split(",")) {
    const before = stages.at(-1)?.toRate ?? 0;
    stages.push(parseStage(part.trim(), stages.length + 1, before));
  }
  checkStages(stages);
  return stages;
}

/** Throws TypeError for stages without any call, with a name twice, with rates and users, or for too many. */
export function checkStages(stages: readonly StageSettings[]): void {
  if (stages.length > MAX_STAGES) {
    throw new TypeError(`There are ${stages.length} stages, limit is ${MAX_STAGES}`);
  }
  const withUsers = stages.filter(({ users }) => users !== undefined);
  if (withUsers.length > 0 && withUsers.length < stages.length) {
    throw new TypeError("Some stages have rates and others users");
  }
  if (withUsers.length > 0 && withUsers.every(({ users }) => Math.max(...users!) === 0)) {
    throw new TypeError("The stages have no users");
  }
  if (withUsers.length === 0 && peakRate(stages) === 0) {
    throw new TypeError("The stages have no calls: every rate is 0");
  }
  const names = stages.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TypeError(`Two stages have the name "${twice}"`);
}

/** Returns the highest rate of stages, in calls/s. */
export function peakRate(stages: readonly StageSettings[]): number {
  return Math.max(0, ...stages.flatMap(({ fromRate, toRate }) => [fromRate, toRate]));
}

/** Returns the length of stages, in ms. */
export function lengthMs(stages: readonly StageSettings[]): number {
  return stages.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

function parseStage(text: string, number: number, before: number): StageSettings {
  const match = /^(?:([\w-]+)=)?([^@=]+)@(?:(\.\.)?([\d.]+?)(?:\.\.([\d.]+))?)$/.exec(text);
  const durationMs = match ? parseDurationMs(match[2]) : undefined;
  if (!match || durationMs === undefined || durationMs <= 0) {
    throw new TypeError(`Cannot read stage "${text}": ${FORM}`);
  }
  const [, name = `stage${number}`, , onwards, first, second] = match;
  const rates = [onwards ? before : Number(first), Number(onwards ? first : second ?? first)];
  if (rates.some(Number.isNaN) || (onwards && second !== undefined)) {
    throw new TypeError(`Cannot read stage "${text}": ${FORM}`);
  }
  return { name, durationMs, fromRate: rates[0], toRate: rates[1] };
}

/** Times at which the calls of stages are due. */
export class StageTimes {
  readonly #stages: readonly StageSettings[];
  #stage = 0;
  #startMs = 0;
  #callsBefore = 0;

  /** The first stage begins at 0. */
  constructor(stages: readonly StageSettings[]) {
    this.#stages = stages;
  }

  /**
   * Returns the time, in ms, by which `calls` calls are due: the inverse of the integral of the rate. `calls` must not
   * decrease from one call to the next. Infinity after the last stage.
   */
  timeOf(calls: number): number {
    for (;;) {
      if (this.#stage === this.#stages.length) return Infinity;
      const { durationMs, fromRate, toRate } = this.#stages[this.#stage];
      const perMs = fromRate / 1000;
      const slope = (toRate - fromRate) / 1000 / durationMs;
      const inside = calls - this.#callsBefore;
      const all = (fromRate + toRate) / 2000 * durationMs;
      if (inside < all) {
        if (inside <= 0) return this.#startMs;
        const root = Math.sqrt(Math.max(0, perMs * perMs + 2 * slope * inside));
        return this.#startMs + 2 * inside / (perMs + root);
      }
      this.#stage++;
      this.#startMs += durationMs;
      this.#callsBefore += all;
    }
  }
}
