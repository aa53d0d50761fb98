/**
 * Common parts of the programs: options by flag and environment, errors as one line, exit codes.
 *
 * @module
 */

import { printable, printableError } from "../../src/call/printable.ts";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { programArguments, programName } from "./arguments.ts";
import { environment, readFrom, warningsOf } from "./variables.ts";
import { versionText } from "./version.ts";

/** Mistake of the user: printed as one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Creates a command with `--help` and `--version`; invalid options end it with exit code 2. */
export function program(name: string, description: string): Command {
  const command = new Command(programName(name));
  command.on("option:version", () => {
    console.log(versionText());
    throw new CommanderError(0, "commander.version", "");
  });
  return command
    .description(description)
    .option("--version", "print the version, the runtime and the commit, and exit")
    .helpOption("-h, --help", "print this help and exit")
    .showSuggestionAfterError()
    .configureHelp({ helpWidth: 100, showGlobalOptions: true })
    // No colors: detecting them needs permissions.
    .configureOutput({ getOutHasColors: () => false, getErrHasColors: () => false })
    .allowExcessArguments(false)
    .exitOverride();
}

/** Default of an option, and how its text is read. */
export interface OptionSettings<Value> {
  /** Value without flag and variable. */
  readonly default?: Value;
  /** Text of the default in the help. Default: `default` as JSON. */
  readonly defaultText?: string;
  /** Parses a text. Throws {@link InvalidArgumentError}. Default: any text. */
  readonly parse?: (text: string) => Value;
  /** Throws for a text that is not valid, where `parse` does not. Default: `parse`. */
  readonly accepts?: (text: string) => unknown;
}

/** Creates an option that is also read from the environment: from the first of `variables` that is set. */
export function option<Value>(
  flags: string,
  variables: string | readonly string[],
  description: string,
  settings: OptionSettings<Value> = {},
): Option {
  const made = new Option(flags, description);
  readFrom(made, [variables].flat(), settings.accepts ?? settings.parse);
  if (settings.default !== undefined) made.default(settings.default, settings.defaultText);
  if (settings.parse) made.argParser(settings.parse);
  return made;
}

/** Creates `--grace-ms`: the time for `what` to finish after SIGTERM or SIGINT; default 5 s. */
export function graceOption(what: string): Option {
  const description = `time for ${what} to finish after SIGTERM or SIGINT`;
  return option("--grace-ms <ms>", "VRPC_GRACE_MS", description, {
    default: 5_000,
    parse: wholeNumber(0, 3_600_000),
  });
}

/** Creates `--unix-mode`: the permissions of the files of Unix sockets; default 600. */
export function unixModeOption(): Option {
  const description = "permissions of the files of Unix sockets, in octal";
  return option("--unix-mode <mode>", "VRPC_UNIX_MODE", description, {
    default: 0o600,
    defaultText: "600",
    parse(text) {
      if (/^0?[0-7]{3}$/.test(text)) return parseInt(text, 8);
      throw new InvalidArgumentError("It must be three octal digits, such as 660.");
    },
  });
}

/** Returns a parser of whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Returns a parser of one of the given words. */
export function oneOf<Word extends string>(...words: Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((one) => one === text.toLowerCase());
    if (word === undefined) throw new InvalidArgumentError(`It must be ${listed(words)}.`);
    return word;
  };
}

/** Parses `on` and `off` (also true/false, yes/no, 1/0). */
export function onOff(text: string): boolean {
  if (/^(on|true|yes|1)$/i.test(text)) return true;
  if (/^(off|false|no|0)$/i.test(text)) return false;
  throw new InvalidArgumentError("It must be on or off.");
}

/** Returns a parser of lists, separated by commas or by repeated flags. */
export function list(): (text: string) => string[] {
  const all: string[] = [];
  return (text) => {
    const parts = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
    if (parts.length === 0) throw new InvalidArgumentError("It must not be empty.");
    all.push(...parts);
    return [...all];
  };
}

/** Returns a parser of lists of vsock context ids. */
export function cids(): (text: string) => number[] {
  const read = list();
  return (text) =>
    read(text).map((one) => {
      const cid = Number(one);
      if (/^\d+$/.test(one) && cid < 2 ** 32 - 1) return cid;
      throw new InvalidArgumentError(`CID ${one} must be from 0 to 4294967294.`);
    });
}

/** Joins words as `a, b or c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

/**
 * Parses the command line. Exits for `--help` and `--version` (code 0) and for invalid options (one line,
 * code 2).
 */
export function readOptions<Options extends object>(
  command: Command,
  args: readonly string[] = programArguments(),
): Options {
  try {
    command.parse(args as string[], { from: "user" });
    for (const warning of warningsOf(command)) console.error(`${command.name()}: ${warning}`);
    return command.opts<Options>();
  } catch (error) {
    // Commander has printed the error or the help.
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
}

/**
 * Runs a program and exits with the code it returns. An exception is printed as one line without a stack:
 * code 2 for a {@link UsageError}, else 1.
 */
export async function runProgram(name: string, body: () => Promise<number>): Promise<never> {
  try {
    Deno.exit(await body());
  } catch (error) {
    console.error(`${name}: ${errorLine(error)}`);
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}

/**
 * Formats an error as one printable line, because its text may be a peer's; with its stack if `VRPC_DEBUG=1` is in the
 * environment.
 */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (environment("VRPC_DEBUG") === "1") return printableError(error);
  return oneLine(error.message);
}

/** Joins the lines of a text by spaces, and escapes what can't be printed. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, " "));
}

/** Reads the text file of an option. Throws {@link UsageError}. */
export async function readTextOption(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : errorLine(error);
    throw new UsageError(`Cannot read ${path} (${flag}): ${reason}`);
  }
}
