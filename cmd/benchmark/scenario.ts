/**
 * Scenario file: a run described in TypeScript, JavaScript or JSON instead of options.
 *
 * @module
 */

import type { Command } from "commander";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { checkStages, type StageSettings } from "../../src/load/generate/stages.ts";
import { parseDurationMs } from "../../src/load/mod.ts";
import { didYouMean } from "../../src/rpc/dispatch/name_suggestion.ts";
import { errorLine, readTextOption, UsageError } from "../shared/program.ts";

/** Method of a scenario. */
export interface ScenarioMethod {
  /** `package.Service/Method`. */
  readonly name: string;
  /** Share of the calls. Default: 1. */
  readonly weight?: number;
  /** Request, with variables; an object, a list for a stream, or JSON text. */
  readonly data?: unknown;
  /** Path of a data file, relative to the current folder. */
  readonly dataFile?: string;
}

/** Stage of a scenario. */
export interface ScenarioStage {
  /** Name. Default: `stage1` and so on. */
  readonly name?: string;
  /** Length, such as `30s`. */
  readonly duration: string;
  /** Calls per second: constant, or at the beginning and the end. */
  readonly rate: number | readonly [from: number, to: number];
  /** Conditions under which the benchmark fails, checked on this stage: `p99>5ms`. */
  readonly failIf?: readonly string[];
}

/** Contents of a scenario file. */
export interface Scenario {
  /** Methods to call. */
  readonly methods?: readonly ScenarioMethod[];
  /** Stages of the rate. */
  readonly stages?: readonly ScenarioStage[];
  /** Conditions under which the benchmark fails, of the whole run. */
  readonly failIf?: readonly string[];
  /** Metadata of each call, with variables. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Tags of the run. */
  readonly tags?: Readonly<Record<string, string>>;
}

const KEYS = ["methods", "stages", "failIf", "headers", "tags"];

/**
 * Reads a scenario and sets the options that neither a flag nor the environment sets. Throws {@link UsageError} for a file
 * that can't be read or is no scenario.
 */
export async function applyScenario(command: Command, path: string): Promise<void> {
  try {
    const scenario = checked(await read(path));
    for (const [option, value] of Object.entries(optionsOf(scenario))) {
      const source = command.getOptionValueSource(option);
      if (value === undefined || (source !== undefined && source !== "default")) continue;
      command.setOptionValueWithSource(option, value, "scenario");
    }
  } catch (error) {
    throw new UsageError(`Cannot use scenario ${path}: ${errorLine(error)}`);
  }
}

/** JSON is parsed; a module may also export a function that returns its scenario. */
async function read(path: string): Promise<unknown> {
  if (path.endsWith(".json")) return JSON.parse(await readTextOption("--scenario", path));
  const { default: exported } = await import(pathToFileURL(resolve(path)).href);
  if (exported === undefined) throw new TypeError("it has no default export");
  return typeof exported === "function" ? await exported() : exported;
}

function checked(value: unknown): Scenario {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError("it is not an object");
  }
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(
      `unknown key "${unknown}"${didYouMean(unknown, KEYS) || `: use ${KEYS.join(", ")}`}`,
    );
  }
  return value;
}

function optionsOf({ methods, stages, failIf, headers, tags }: Scenario) {
  const conditions = [
    ...failIf ?? [],
    ...(stages ?? []).flatMap((stage, i) =>
      (stage.failIf ?? []).map((condition) => `${nameOf(stage, i)}:${condition}`)
    ),
  ];
  const jsonOf = (data: unknown) =>
    typeof data === "string" || data === undefined ? data : JSON.stringify(data);
  return {
    method: methods?.map(({ name, weight = 1 }) => `${name}=${weight}`),
    data: methods?.map(({ data }) => jsonOf(data)),
    dataFile: methods?.map(({ dataFile }) => dataFile),
    stages: stages && stagesOf(stages),
    failIf: conditions.length > 0 ? conditions.join(",") : undefined,
    header: headers && Object.entries(headers).map(([key, value]) => `${key}: ${value}`),
    tag: tags && Object.entries(tags).map(([key, value]) => `${key}=${value}`),
  };
}

function stagesOf(stages: readonly ScenarioStage[]): StageSettings[] {
  const all = stages.map((stage, i) => {
    const durationMs = parseDurationMs(String(stage.duration));
    const [fromRate, toRate] = typeof stage.rate === "number"
      ? [stage.rate, stage.rate]
      : stage.rate ?? [];
    if (!durationMs || !(fromRate >= 0) || !(toRate >= 0)) {
      throw new TypeError(
        `stage ${i + 1} needs a duration such as "30s", and a rate such as 100 or [100, 200]`,
      );
    }
    return { name: nameOf(stage, i), durationMs, fromRate, toRate };
  });
  checkStages(all);
  return all;
}

function nameOf({ name }: ScenarioStage, index: number): string {
  return name ?? `stage${index + 1}`;
}
