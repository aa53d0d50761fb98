/**
 * Log lines of the programs: on standard error, from LogTape.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import {
  configure,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
  type LogLevel,
  type TextFormatter,
} from "@logtape/logtape";
import { InvalidArgumentError, type Option } from "commander";
import { environment, option } from "./program.ts";

/** The levels that users name, and LogTape's names for them. */
const LEVELS = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
} as const satisfies Record<string, LogLevel>;

/** A level, as users name it. */
export type Level = keyof typeof LEVELS;

/** A parser of levels. */
export function level(text: string): Level {
  const word = text.trim().toLowerCase();
  if (Object.hasOwn(LEVELS, word)) return word as Level;
  throw new InvalidArgumentError(`It must be one of ${Object.keys(LEVELS).join(", ")}.`);
}

/**
 * The level in a value of `RUST_LOG`, which may also hold directives for single modules (`h2=warn,info`):
 * these are passed over. Undefined when there is no level for everything.
 */
export function levelOfRustLog(text: string | undefined): Level | undefined {
  const bare = (text ?? "").split(",").map((part) => part.trim().toLowerCase())
    .filter((part) => Object.hasOwn(LEVELS, part));
  return bare.at(-1) as Level | undefined;
}

/** `--log-level`, by default `info` or what `RUST_LOG` says. */
export function logLevelOption(): Option {
  return option(
    "--log-level <level>",
    "LOG_LEVEL",
    "trace, debug, info, warn or error; else RUST_LOG",
    {
      default: levelOfRustLog(environment("RUST_LOG")) ?? "info",
      defaultText: "info",
      parse: level,
    },
  );
}

/**
 * Writes log lines of `lowest` and above to standard error; with `LOG_FORMAT=json` in the environment each is
 * a JSON object. Call it once in each thread.
 */
export async function logToStderr(lowest: Level): Promise<void> {
  const format = formatter();
  const encoder = new TextEncoder();
  await configure({
    sinks: {
      // Synchronous, so that the last lines before the end of the process are not lost.
      stderr: (record) => void Deno.stderr.writeSync(encoder.encode(format(record))),
    },
    loggers: [
      { category: ["vrpc"], lowestLevel: LEVELS[lowest], sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
    // Lines of handlers carry the id of their call.
    contextLocalStorage: new AsyncLocalStorage(),
    reset: true,
  });
}

function formatter(): TextFormatter {
  if (environment("LOG_FORMAT")?.toLowerCase() === "json") return getJsonLinesFormatter();
  // Bare: addresses and names without quotes.
  return Deno.stderr.isTerminal()
    ? getAnsiColorFormatter({ value: "bare" })
    : getTextFormatter({ value: "bare" });
}
