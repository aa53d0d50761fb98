/**
 * Examples in the help of programs and sub-commands.
 *
 * @module
 */

import type { Command } from "commander";

/** Arguments as they are typed, and what they are for. */
export type Example = readonly [args: string, purpose: string];

/** Adds examples to the end of a command's help, in the order in which people need them. */
export function addExamples(command: Command, examples: readonly Example[]): Command {
  return command.addHelpText("after", () => `\n${examplesText(pathOf(command), examples)}`);
}

/** Returns the section of a help with examples of the program `name`. */
export function examplesText(name: string, examples: readonly Example[]): string {
  const lines = examples.map(([args, purpose]) => `  # ${purpose}\n  ${`${name} ${args}`.trim()}`);
  return `Examples:\n${lines.join("\n")}`;
}

/** The words that a command is called by. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}
