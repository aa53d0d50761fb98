/**
 * Commands of `vrpc repl` and their help.
 *
 * @module
 */

import { didYouMean } from "../../../src/rpc/dispatch/name_suggestion.ts";
import { UsageError } from "../../shared/program.ts";

interface CommandHelp {
  readonly usage: string;
  readonly summary: string;
  readonly details: string;
}

const HELP = {
  list: {
    usage: "list [TEXT]",
    summary: "list the methods, or those whose name contains TEXT",
    details: "",
  },
  describe: {
    usage: "describe [NAME ...]",
    summary: "print services, methods and types as .proto text",
    details: "Names may be shortened to their unique end: describe Echo",
  },
  template: {
    usage: "template NAME",
    summary: "print a request to fill in",
    details: "",
  },
  call: {
    usage: "call METHOD [JSON | @FILE]",
    summary: "call a method",
    details: `Without JSON the request is empty. JSON may go on over several lines.
A stream of requests is one JSON value after the other. Without any, each is sent as you type it:
an empty line or Ctrl-D ends the requests, Ctrl-C cancels the call.

  call Echo {"payload": "aGk="}
  call EchoService/EchoStream {"payload": "YQ=="} {"payload": "Yg=="}`,
  },
  health: {
    usage: "health [SERVICE] [--watch]",
    summary: "print the health of the server or a service",
    details: "With --watch each change is printed, to Ctrl-C.",
  },
  set: {
    usage: "set [NAME [VALUE]]",
    summary: "show settings, or change one",
    details: `  set header authorization: Bearer abc
  set timeout 2s
  set wire lean`,
  },
  unset: {
    usage: "unset header [KEY]",
    summary: "remove metadata",
    details: "",
  },
  reload: {
    usage: "reload",
    summary: "read the methods of the server again",
    details: "",
  },
  help: { usage: "help [COMMAND]", summary: "print this, or more about a command", details: "" },
  exit: { usage: "exit", summary: "leave; so does Ctrl-D", details: "" },
} as const satisfies Record<string, CommandHelp>;

/** Name of a command. */
export type CommandName = keyof typeof HELP;

/** Names of all commands. */
export const COMMAND_NAMES = Object.keys(HELP) as readonly CommandName[];

/** Finds a command; `quit` is `exit`. Throws {@link UsageError}. */
export function commandOf(word: string): CommandName {
  if (word === "quit") return "exit";
  if (Object.hasOwn(HELP, word)) return word as CommandName;
  const hint = didYouMean(word, COMMAND_NAMES) || "; help lists the commands";
  throw new UsageError(`There is no command ${word}${hint}`);
}

/** Returns the help of all commands, or of one. Throws {@link UsageError}. */
export function helpText(word: string): string {
  if (word !== "") {
    const { usage, summary, details }: CommandHelp = HELP[commandOf(word)];
    return `${usage}\n  ${summary}${details === "" ? "" : `\n\n${details}`}`;
  }
  const lines = Object.values<CommandHelp>(HELP)
    .map(({ usage, summary }) => `${usage}\n    ${summary}`);
  return `${lines.join("\n")}\nTab completes commands, methods, fields and values.`;
}
