/**
 * Arguments of the program that runs: those of the process, or what is left of them behind a sub-command.
 *
 * @module
 */

let given: readonly string[] = Deno.args;

/** Returns the arguments of the program. */
export function programArguments(): readonly string[] {
  return given;
}

/** Sets the arguments of the program, before its module is loaded. */
export function setProgramArguments(args: readonly string[]): void {
  given = args;
}
