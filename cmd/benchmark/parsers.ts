/**
 * Parsers of the options.
 *
 * @module
 */

import { InvalidArgumentError } from "commander";
import { parseStages, type StageSettings } from "../../src/load/generate/stages.ts";
import { parseDurationMs } from "../../src/load/mod.ts";
import { didYouMean } from "../../src/rpc/dispatch/name_suggestion.ts";
import { listed, wholeNumber } from "../shared/program.ts";

/** Returns a parser of one of the given words, which suggests the nearest. */
export function word<Word extends string>(...words: Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((one) => one === text.toLowerCase());
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It must be ${listed(words)}${didYouMean(text, words)}`);
  };
}

/** Collects the values of an option that is repeated. */
export function repeated(): (text: string) => string[] {
  const all: string[] = [];
  return (text) => {
    all.push(text);
    return [...all];
  };
}

/** Parses a rate. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (/^(\d+\.?\d*|\.\d+)$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("It must be a number of calls per second above 0.");
}

/** Parses a number of rounds, or `auto`. */
export function roundCount(text: string): number | "auto" {
  return text === "auto" ? text : wholeNumber(2, 1_000)(text);
}

/** Parses a percentage above 0, with or without its sign. */
export function percentage(text: string): number {
  const value = Number(text.replace(/%$/, ""));
  if (/^[\d.]+%?$/.test(text) && value > 0 && value <= 100) return value;
  throw new InvalidArgumentError("It must be a percentage above 0 and up to 100, such as 5%.");
}

/** Parses stages. */
export function stageList(text: string): StageSettings[] {
  try {
    return parseStages(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Returns a parser of durations in ms, of at least `least`. */
export function durationMs(least: number): (text: string) => number {
  return (text) => {
    const ms = parseDurationMs(text);
    if (ms !== undefined && ms >= least) return ms;
    throw new InvalidArgumentError(
      `It must be a duration${
        least > 0 ? " above 0" : ""
      } such as 30s, 2m, 1h, 500ms or plain seconds.`,
    );
  };
}
