/**
 * Arguments of the developers' programs: what can't be meant ends the program with code 2 and one line, `--help`
 * with code 0 and the usage. A program that takes a wrong argument for nothing to do would say that all is well.
 *
 * @module
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

/** An option: what it is when it is not given, and how its text is read. */
export interface Option<T> {
  readonly initial: T;
  /** Undefined for an option without a value, `--NAME` or `--no-NAME`. */
  readonly read?: (text: string) => T;
}

/** The values of options. */
export type Values<O extends Record<string, Option<unknown>>> = {
  readonly [K in keyof O]: O[K]["initial"];
};

/** Arguments that can't be meant; the text is one line. */
export class ArgumentError extends Error {}

/** A number from `least` to `most`. */
export function number<T extends number | undefined>(
  initial: T,
  least: number,
  most: number,
): Option<T | number> {
  return { initial, read: (text) => inRange(text, least, most, "a number") };
}

/** A whole number from `least` to `most`. */
export function whole<T extends number | undefined>(
  initial: T,
  least: number,
  most: number,
): Option<T | number> {
  return {
    initial,
    read(text) {
      const value = inRange(text, least, most, "a whole number");
      if (!Number.isInteger(value)) throw new ArgumentError("must be a whole number");
      return value;
    },
  };
}

function inRange(text: string, least: number, most: number, what: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= least && value <= most) return value;
  throw new ArgumentError(`must be ${what} from ${least} to ${most}`);
}

/** One of `all`. */
export function choice<const C extends string, T extends C | undefined>(
  all: readonly C[],
  initial: T,
): Option<T | C> {
  return { initial, read: (text) => known(text, all) };
}

/** Some of `all`, with commas between them. */
export function choices<const C extends string>(
  all: readonly C[],
): Option<readonly C[]> {
  return { initial: all, read: (text) => text.split(",").map((one) => known(one, all)) };
}

function known<C extends string>(text: string, all: readonly C[]): C {
  const one = all.find((one) => one === text);
  if (one === undefined) throw new ArgumentError(`must be one of ${all.join(", ")}`);
  return one;
}

/** Any text. */
export function anyText<T extends string | undefined>(initial: T): Option<T | string> {
  return { initial, read: (text) => text };
}

/** `--NAME` or `--no-NAME`. */
export function flag(initial: boolean): Option<boolean> {
  return { initial };
}

/**
 * Reads `args`: options, and with `names` what stands by itself, any text or one of a list. Throws
 * {@link ArgumentError}; null when help is asked for.
 */
export function parse<O extends Record<string, Option<unknown>>>(
  args: readonly string[],
  options: O,
  names: readonly string[] | "any" = [],
): { values: Values<O>; names: string[] } | null {
  const types: ParseArgsOptionsConfig = { help: { type: "boolean" } };
  for (const [key, { read }] of Object.entries(options)) {
    types[key] = { type: read === undefined ? "boolean" : "string" };
  }
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      options: types,
      allowPositionals: true,
      allowNegative: true,
    });
  } catch (error) {
    // What follows the first sentence is advice for other programs.
    throw new ArgumentError((error as Error).message.split(/\.?\s*\n|\. /)[0]);
  }
  if (parsed.values.help === true) return null;
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(options)) {
    const given = parsed.values[key];
    values[key] = typeof given === "string" ? valueOf(key, given, option) : given ?? option.initial;
  }
  for (const name of parsed.positionals) {
    if (names === "any" || names.includes(name)) continue;
    throw new ArgumentError(
      `Cannot take "${name}"` + (names.length === 0 ? "" : `: must be one of ${names.join(", ")}`),
    );
  }
  return { values: values as Values<O>, names: parsed.positionals };
}

function valueOf(key: string, given: string, option: Option<unknown>): unknown {
  try {
    return option.read!(given);
  } catch (error) {
    throw new ArgumentError(`Cannot use --${key} "${given}": it ${(error as Error).message}`);
  }
}

/** Ends the program: nothing can be done with these arguments. */
export function refuse(message: string): never {
  console.error(message);
  Deno.exit(2);
}

/** Like {@link parse} for this program's arguments; prints `usage` for `--help`, and ends it for what is wrong. */
export function readArguments<O extends Record<string, Option<unknown>>>(
  usage: string,
  options: O,
  names: readonly string[] | "any" = [],
): { values: Values<O>; names: string[] } {
  try {
    const read = parse(Deno.args, options, names);
    if (read !== null) return read;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    refuse(`${error.message}; see --help`);
  }
  console.log(usage.trim());
  Deno.exit(0);
}
