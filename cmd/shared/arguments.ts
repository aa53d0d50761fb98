/**
 * Arguments and name of the program that runs: those of the process, or what is left of them behind a sub-command.
 *
 * @module
 */

let given: readonly string[] = Deno.args;
let nameGiven: string | undefined;

/** Returns the arguments of the program. */
export function programArguments(): readonly string[] {
  return given;
}

/** Returns what the program is called by: `vrpc serve`, or `name` where it runs by itself. */
export function programName(name: string): string {
  return nameGiven ?? name;
}

/** Sets arguments and name of the program, before its module is loaded. */
export function setProgramArguments(args: readonly string[], name?: string): void {
  given = args;
  nameGiven = name;
}
