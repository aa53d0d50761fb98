/**
 * Values of options from environment variables.
 *
 * Most variables begin with `VRPC_`; an invalid value of one of them is an error, as it is for its flag. Some have names
 * that other programs use too, such as `SERVICE` or `THREADS`. An invalid value of one of those is probably not meant for
 * this program: it is ignored with a warning.
 *
 * @module
 */

import { type Command, InvalidArgumentError, type Option } from "commander";

const PREFIX = "VRPC_";

/** Warnings about variables that were ignored, by option. */
const ignored = new WeakMap<Option, readonly string[]>();

/** Returns an environment variable; undefined when it is empty, or without permission to read it. */
export function environment(name: string): string | undefined {
  return mayRead(name) ? Deno.env.get(name) || undefined : undefined;
}

/** Whether a variable may be read; without `--allow-env` only flags count. */
function mayRead(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}

/**
 * Reads an option from the first of `variables` that is set and, without the prefix `VRPC_`, valid. `accepts` throws for
 * an invalid value.
 */
export function readFrom(
  option: Option,
  variables: readonly string[],
  accepts: (text: string) => unknown = () => {},
): void {
  const warnings: string[] = [];
  const chosen = variables.find((name) => {
    const text = environment(name);
    if (text === undefined) return false;
    if (name.startsWith(PREFIX)) return true;
    const reason = reasonAgainst(text, accepts);
    if (reason !== undefined) warnings.push(warningOf(name, text, reason));
    return reason === undefined;
  });
  ignored.set(option, warnings);
  // Commander reads the variable itself, and it would read one that is ignored or empty.
  const named = chosen ?? variables.find(mayRead);
  if (named === undefined) return;
  if (chosen !== undefined || !Deno.env.has(named)) option.env(named);
  else option.description += ` (env: ${named})`;
}

/** Returns the warning about a variable that is ignored. */
export function warningOf(name: string, text: string, reason: string): string {
  return `ignored ${name}=${text.replace(/\s+/g, " ")} of the environment: ${reason}`;
}

/** Adds a warning to those of an option. */
export function addWarning(option: Option, warning: string): void {
  ignored.set(option, [...ignored.get(option) ?? [], warning]);
}

function reasonAgainst(text: string, accepts: (text: string) => unknown): string | undefined {
  try {
    accepts(text);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    // Commander puts the sentence of an InvalidArgumentError behind a full stop.
    return error instanceof InvalidArgumentError
      ? message.replace(/^It/, "it").replace(/\.$/, "")
      : message;
  }
}

/** Returns a warning for each variable that was ignored, but for options that a flag sets. */
export function warningsOf(command: Command): string[] {
  return command.options
    .filter((one) => command.getOptionValueSource(one.attributeName()) !== "cli")
    .flatMap((one) => ignored.get(one) ?? []);
}
