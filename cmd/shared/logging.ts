/**
 * Logging of the programs: LogTape, on standard error.
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

/** Names of levels in options → LogTape's names. */
const LEVELS = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
} as const satisfies Record<string, LogLevel>;

/** Name of a log level in options. */
export type Level = keyof typeof LEVELS;

/** Parses a log level. */
export function level(text: string): Level {
  const word = text.trim().toLowerCase();
  if (Object.hasOwn(LEVELS, word)) return word as Level;
  throw new InvalidArgumentError(`It must be one of ${Object.keys(LEVELS).join(", ")}.`);
}

/**
 * Returns the global level of a `RUST_LOG` value; directives for modules (`h2=warn,info`) are ignored.
 * Undefined when there is none.
 */
export function levelOfRustLog(text: string | undefined): Level | undefined {
  const bare = (text ?? "").split(",").map((part) => part.trim().toLowerCase())
    .filter((part) => Object.hasOwn(LEVELS, part));
  return bare.at(-1) as Level | undefined;
}

/** Creates `--log-level`; default `RUST_LOG`, else `info`. */
export function logLevelOption(): Option {
  return option(
    "--log-level <level>",
    "LOG_LEVEL",
    "trace, debug, info, warn or error; default also from RUST_LOG",
    {
      default: levelOfRustLog(environment("RUST_LOG")) ?? "info",
      defaultText: "info",
      parse: level,
    },
  );
}

/**
 * Writes log lines of level `lowest` and above to standard error, as JSON objects with `LOG_FORMAT=json`
 * in the environment. Call it once per thread.
 */
export async function logToStderr(lowest: Level): Promise<void> {
  const format = formatter();
  const encoder = new TextEncoder();
  await configure({
    sinks: {
      // Synchronous, to keep the last lines before the process exits.
      stderr: (record) => void Deno.stderr.writeSync(encoder.encode(format(record))),
    },
    loggers: [
      { category: ["vrpc"], lowestLevel: LEVELS[lowest], sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
    // Adds the id of the call to log lines of handlers.
    contextLocalStorage: new AsyncLocalStorage(),
    reset: true,
  });
}

function formatter(): TextFormatter {
  if (environment("LOG_FORMAT")?.toLowerCase() === "json") return getJsonLinesFormatter();
  // Writes addresses and names without quotes.
  return Deno.stderr.isTerminal()
    ? getAnsiColorFormatter({ value: "bare" })
    : getTextFormatter({ value: "bare" });
}
