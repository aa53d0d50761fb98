/**
 * Command-line arguments of development programs. Invalid arguments end the program with one line and code 2,
 * `--help` with the usage and code 0. Ignoring a wrong argument could report success without doing anything.
 *
 * @module
 */

import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

/** Option: its default and its parser. */
export interface Option<T> {
  readonly initial: T;
  /** Undefined for an option without a value, `--NAME` or `--no-NAME`. */
  readonly read?: (text: string) => T;
}

/** Values of options. */
export type Values<O extends Record<string, Option<unknown>>> = {
  readonly [K in keyof O]: O[K]["initial"];
};

/** Invalid argument; the message is one line. */
export class ArgumentError extends Error {}

/** Option with a number from `least` to `most`. */
export function number<T extends number | undefined>(
  initial: T,
  least: number,
  most: number,
): Option<T | number> {
  return { initial, read: (text) => inRange(text, least, most, "a number") };
}

/** Option with a whole number from `least` to `most`. */
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

/** Option with one of `all`. */
export function choice<const C extends string, T extends C | undefined>(
  all: readonly C[],
  initial: T,
): Option<T | C> {
  return { initial, read: (text) => known(text, all) };
}

/** Option with some of `all`, separated by commas. */
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

/** Option with any text. */
export function anyText<T extends string | undefined>(initial: T): Option<T | string> {
  return { initial, read: (text) => text };
}

/** Option without a value: `--NAME` or `--no-NAME`. */
export function flag(initial: boolean): Option<boolean> {
  return { initial };
}

/**
 * Parses `args`: options and, with `names`, positional arguments, any text or some of a list. Returns null
 * for `--help`. Throws {@link ArgumentError}.
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
    // Drops the advice after the first sentence, which is for other programs.
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

/** Prints a message and exits with code 2. */
export function refuse(message: string): never {
  console.error(message);
  Deno.exit(2);
}

/** Parses this program's arguments; prints `usage` for `--help`, and exits for invalid ones. */
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
