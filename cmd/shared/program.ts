/**
 * What all programs do alike: options by flag and environment, errors as one line, exit codes.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

/** The user asked for something that can't be: printed as one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A program with `--help` and `--version`, whose mistakes in options end with exit code 2. */
export function program(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .version(config.version, "--version", "print the version and exit")
    .helpOption("-h, --help", "print this help and exit")
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: 100 })
    // There are none, and asking for them takes permissions.
    .configureOutput({ getOutHasColors: () => false, getErrHasColors: () => false })
    .allowExcessArguments(false)
    .exitOverride();
}

/** An option that is also read from the environment. `parse` throws {@link InvalidArgumentError}. */
export function option<Value>(
  flags: string,
  environment: string,
  description: string,
  settings: { default?: Value; defaultText?: string; parse?: (text: string) => Value } = {},
): Option {
  const made = new Option(flags, description);
  if (mayRead(environment)) made.env(environment);
  if (settings.default !== undefined) made.default(settings.default, settings.defaultText);
  if (settings.parse) made.argParser(settings.parse);
  return made;
}

/** A variable of the environment; undefined where the program may not read it. */
export function environment(name: string): string | undefined {
  return mayRead(name) ? Deno.env.get(name) : undefined;
}

/** Without `--allow-env` a program goes by its options alone. */
function mayRead(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

/** How long `what` may take once the program was told to end; 5 s by default. */
export function graceOption(what: string): Option {
  const description = `how long ${what} may take after SIGTERM or SIGINT`;
  return option("--grace-ms <ms>", "GRACE_MS", description, {
    default: 5_000,
    parse: wholeNumber(0, 3_600_000),
  });
}

/** A parser of whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** A parser of one of some words. */
export function oneOf<Word extends string>(...words: Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((one) => one === text.toLowerCase());
    if (word === undefined) throw new InvalidArgumentError(`It must be ${listed(words)}.`);
    return word;
  };
}

/** A parser of `on` and `off` (also true/false, yes/no, 1/0). */
export function onOff(text: string): boolean {
  if (/^(on|true|yes|1)$/i.test(text)) return true;
  if (/^(off|false|no|0)$/i.test(text)) return false;
  throw new InvalidArgumentError("It must be on or off.");
}

/** A parser of lists: separated by commas, and the flag may be given several times. */
export function list(): (text: string) => string[] {
  const all: string[] = [];
  return (text) => {
    const parts = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
    if (parts.length === 0) throw new InvalidArgumentError("It must not be empty.");
    all.push(...parts);
    return [...all];
  };
}

/** `a, b or c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

/**
 * Reads the options. Ends the process for `--help` and `--version` (code 0) and for mistakes (one line,
 * code 2).
 */
export function readOptions<Options extends object>(
  command: Command,
  args: readonly string[] = Deno.args,
): Options {
  try {
    command.parse(args as string[], { from: "user" });
    return command.opts<Options>();
  } catch (error) {
    // Commander has printed its line, or the help that was asked for.
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
}

/**
 * Runs a program and ends the process with the code it returns. What it throws is printed as one line,
 * without a stack: code 2 for a {@link UsageError}, else 1.
 */
export async function runProgram(name: string, body: () => Promise<number>): Promise<never> {
  try {
    Deno.exit(await body());
  } catch (error) {
    console.error(`${name}: ${errorLine(error)}`);
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}

/** An error as one line for people. `VRPC_DEBUG=1` in the environment shows its stack. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (environment("VRPC_DEBUG") === "1") return error.stack ?? error.message;
  return error.message.replace(/\s*\n\s*/g, " ");
}

/** The text of a file that an option names. Throws {@link UsageError}. */
export async function readTextOption(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : errorLine(error);
    throw new UsageError(`Cannot read ${path} (${flag}): ${reason}`);
  }
}
