/**
 * Completion of the commands of `vrpc repl`.
 *
 * @module
 */

import type { DescMessage, FileRegistry } from "@bufbuild/protobuf";
import { COMMAND_NAMES } from "./help.ts";
import { completeJson, type Completions } from "./json_completion.ts";
import { completeName, describable, fullName } from "../names.ts";
import { SETTING_NAMES, settingWords } from "./settings.ts";

/** What is known of the server. */
export interface Known {
  /** Names of methods: `/package.Service/Method` or routes. */
  readonly methods: readonly string[];
  /** Undefined without reflection. */
  readonly registry?: FileRegistry;
  readonly services: readonly string[];
  /** Keys of the metadata that is set. */
  readonly headers: readonly string[];
}

const NOTHING: Completions = { words: [], typed: "" };

/** Completes a command up to the cursor. */
export function completeCommand(line: string, known: Known): Completions {
  const words = line.trimStart().split(/\s+/);
  const typed = words.at(-1)!;
  if (words.length === 1) return complete(typed, COMMAND_NAMES.map((name) => `${name} `));
  const [command, first] = words;
  switch (command) {
    case "call":
      return words.length === 2
        ? completeName(typed, known.methods)
        : completeRequest(first, line, known);
    case "describe":
    case "template":
      return completeName(typed, known.registry === undefined ? [] : describable(known.registry));
    case "health":
      return complete(typed, [...known.services, "--watch"]);
    case "list":
      return words.length === 2 ? completeName(typed, known.services) : NOTHING;
    case "help":
      return words.length === 2 ? complete(typed, COMMAND_NAMES) : NOTHING;
    case "set":
      if (words.length === 2) return complete(typed, SETTING_NAMES.map((name) => `${name} `));
      return words.length === 3 ? complete(typed, settingWords(first)) : NOTHING;
    case "unset":
      if (words.length === 2) return complete(typed, ["header "]);
      return words.length === 3 ? complete(typed, known.headers) : NOTHING;
    default:
      return NOTHING;
  }
}

/** Returns the request type of a method; undefined if it is not known. */
export function inputOf(name: string, { methods, registry }: Known): DescMessage | undefined {
  try {
    const [service, method] = (fullName(name, methods) ?? "").replace(/^\//, "").split("/");
    return registry?.getService(service)?.methods.find((one) => one.name === method)?.input;
  } catch {
    // The name is not unique.
    return undefined;
  }
}

function completeRequest(method: string, line: string, known: Known): Completions {
  const input = inputOf(method, known);
  if (input === undefined) return NOTHING;
  return completeJson(input, line.replace(/^\s*call\s+\S+\s+/, ""));
}

function complete(typed: string, words: readonly string[]): Completions {
  return { words: words.filter((word) => word.startsWith(typed)), typed };
}
