/**
 * Scenario file: a run described in TypeScript, JavaScript or JSON instead of options.
 *
 * @module
 */

import type { Command } from "commander";
import type { Scenario, ScenarioStage } from "../../src/load/generate/scenario.ts";
import { checkStages, type StageSettings } from "../../src/load/generate/stages.ts";
import { parseDurationMs } from "../../src/load/mod.ts";
import { didYouMean } from "../../src/rpc/dispatch/name_suggestion.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import { flowOf, readScenario } from "./flow.ts";

const KEYS = [
  ...["server", "methods", "flow", "users", "connections", "rate", "duration", "warmup", "timeout"],
  ...["stages", "failIf", "headers", "tags"],
];

/**
 * Reads a scenario and sets the options that neither a flag nor the environment sets. Throws {@link UsageError} for a file
 * that can't be read or is no scenario.
 */
export async function applyScenario(command: Command, path: string): Promise<void> {
  try {
    const scenario = checked(await readScenario(path));
    for (const [option, value] of Object.entries(optionsOf(scenario))) {
      const source = command.getOptionValueSource(option);
      if (value === undefined || (source !== undefined && source !== "default")) continue;
      command.setOptionValueWithSource(option, value, "scenario");
    }
  } catch (error) {
    throw new UsageError(`Cannot use scenario ${path}: ${errorLine(error)}`);
  }
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

function optionsOf(scenario: Scenario) {
  const { methods, flow, stages, failIf, headers, tags } = scenario;
  if (flow !== undefined && methods !== undefined) {
    throw new TypeError("it has methods and a flow: use one of them");
  }
  const conditions = [
    ...failIf ?? [],
    ...(stages ?? []).flatMap((stage, i) =>
      (stage.failIf ?? []).map((condition) => `${nameOf(stage, i)}:${condition}`)
    ),
  ];
  const jsonOf = (data: unknown) =>
    typeof data === "string" || data === undefined ? data : JSON.stringify(data);
  return {
    server: scenario.server,
    flow: flow && flowOf(flow),
    users: wholeOf("users", scenario.users),
    connections: wholeOf("connections", scenario.connections),
    rate: numberOf("rate", scenario.rate),
    duration: durationOf("duration", scenario.duration),
    warmup: durationOf("warmup", scenario.warmup),
    timeout: durationOf("timeout", scenario.timeout),
    method: methods?.map(({ name, weight = 1 }) => `${name}=${weight}`),
    data: methods?.map(({ data }) => jsonOf(data)),
    dataFile: methods?.map(({ dataFile }) => dataFile),
    stages: stages && stagesOf(stages),
    failIf: conditions.length > 0 ? conditions.join(",") : undefined,
    header: headers && Object.entries(headers).map(([key, value]) => `${key}: ${value}`),
    tag: tags && Object.entries(tags).map(([key, value]) => `${key}=${value}`),
  };
}

function numberOf(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (typeof value === "number" && value > 0)) return value;
  throw new TypeError(`${name} must be a number above 0`);
}

function wholeOf(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return value;
  throw new TypeError(`${name} must be a whole number above 0`);
}

function durationOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDurationMs(String(text));
  if (ms === undefined || ms <= 0) throw new TypeError(`${name} must be a time such as "30s"`);
  return ms;
}

function stagesOf(stages: readonly ScenarioStage[]): StageSettings[] {
  const all = stages.map((stage, i): StageSettings => {
    const durationMs = parseDurationMs(String(stage.duration));
    const { rate, users } = stage;
    const [from, to] = pairOf(rate ?? users);
    if (!durationMs || !(from >= 0) || !(to >= 0) || (rate !== undefined && users !== undefined)) {
      throw new TypeError(
        `stage ${
          i + 1
        } needs a duration such as "30s", and a rate such as 100 or [100, 200], or users`,
      );
    }
    const name = nameOf(stage, i);
    return rate === undefined
      ? { name, durationMs, fromRate: 0, toRate: 0, users: [from, to] }
      : { name, durationMs, fromRate: from, toRate: to };
  });
  checkStages(all);
  return all;
}

function pairOf(value: ScenarioStage["rate"]): readonly [number, number] {
  if (typeof value === "number") return [value, value];
  return Array.isArray(value) && value.length === 2 ? value as [number, number] : [NaN, NaN];
}

function nameOf({ name }: ScenarioStage, index: number): string {
  return name ?? `stage${index + 1}`;
}
