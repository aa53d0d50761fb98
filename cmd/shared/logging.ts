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
  type Sink,
  type TextFormatter,
} from "@logtape/logtape";
import { InvalidArgumentError, type Option } from "commander";
import { printable, printableError, printableLines } from "../../src/call/printable.ts";
import { option, UsageError } from "./program.ts";
import { addWarning, environment, warningOf } from "./variables.ts";

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

/** Creates `--log-level`; default `RUST_LOG`, else `otherwise`. */
export function logLevelOption(otherwise: Level = "info"): Option {
  const rustLog = environment("RUST_LOG");
  const found = levelOfRustLog(rustLog);
  const made = option(
    "--log-level <level>",
    "LOG_LEVEL",
    "trace, debug, info, warn or error; default also from RUST_LOG",
    { default: found ?? otherwise, defaultText: otherwise, parse: level },
  );
  // Directives for modules may be meant for other programs of the same environment.
  if (rustLog !== undefined && found === undefined && !rustLog.includes("=")) {
    const reason = `it must have one of ${Object.keys(LEVELS).join(", ")}`;
    addWarning(made, warningOf("RUST_LOG", rustLog, reason));
  }
  return made;
}

/**
 * Writes log lines of level `lowest` and above to standard error, as JSON objects with `VRPC_LOG_FORMAT=json`
 * in the environment; `ship` gets the records, too. Call it once per thread. Rejects with {@link UsageError} for another value than json and text.
 */
export async function logToStderr(lowest: Level, ship?: Sink): Promise<void> {
  const format = formatter();
  const sinks: ("stderr" | "ship")[] = ship ? ["stderr", "ship"] : ["stderr"];
  const encoder = new TextEncoder();
  await configure({
    sinks: {
      // Synchronous, to keep the last lines before the process exits.
      stderr: (record) => void Deno.stderr.writeSync(encoder.encode(format(record))),
      ship: ship ?? (() => {}),
    },
    loggers: [
      { category: ["vrpc"], lowestLevel: LEVELS[lowest], sinks },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
    // Adds the id of the call to log lines of handlers.
    contextLocalStorage: new AsyncLocalStorage(),
    reset: true,
  });
}

/** Formats records so that no text of a peer can steer a terminal or forge a line. Throws UsageError. */
export function formatter(): TextFormatter {
  const format = environment("VRPC_LOG_FORMAT")?.toLowerCase() ?? "text";
  if (format === "json") {
    const json = getJsonLinesFormatter();
    return (record) => `${printable(json(record).trimEnd())}\n`;
  }
  if (format !== "text") {
    throw new UsageError(`Cannot use VRPC_LOG_FORMAT ${format}: it must be json or text`);
  }
  const text = Deno.stderr.isTerminal()
    ? getAnsiColorFormatter({ value: shown })
    : getTextFormatter({ value: shown });
  return (record) =>
    text({ ...record, message: record.message.map((part, i) => i % 2 ? part : escaped(part)) });
}

// Addresses and names have no quotes.
function shown(value: unknown, inspect: (value: unknown) => string): string {
  if (typeof value === "string") return printable(value);
  return value instanceof Error ? printableError(value) : printableLines(inspect(value));
}

function escaped(part: unknown): unknown {
  return typeof part === "string" ? printable(part) : part;
}
