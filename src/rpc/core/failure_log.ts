/**
 * Reports failures of application code: handlers, codecs, interceptors, observers and other hooks. They are logged, or
 * printed while no log is configured.
 *
 * @module
 */

import { getConfig, type Logger } from "@logtape/logtape";
import { printable, printableThrown } from "../../call/printable.ts";
import { textOf } from "../../errors.ts";
import { onRejection } from "./promises.ts";

/**
 * Cap on the lines that a process prints in one second; further lines are only counted, because a peer may be able to
 * make a handler fail.
 */
const MAX_LINES_PER_SECOND = 100;

/** Values for the placeholders in the text of a failure. */
export interface FailureFacts {
  /** The thrown value, or the fault that was detected. */
  readonly error: unknown;
  readonly [name: string]: unknown;
}

/** Log of the failures on one side of a connection. Its methods never throw. */
export class FailureLog {
  readonly #log: Logger;
  readonly #print: boolean;

  /** Writes to `log`; `print` says whether lines go to `console.error` while LogTape has no sinks for it. */
  constructor(log: Logger, print: boolean) {
    this.#log = log;
    this.#print = print;
  }

  /** Logs a failure at level `error`. `template` names the facts in braces, such as `{error}`. */
  error(template: string, facts: FailureFacts): void {
    this.#write("error", template, facts);
  }

  /** Logs at level `warning` an invalid value from the application, and how it was handled. */
  warn(template: string, facts: FailureFacts): void {
    this.#write("warn", template, facts);
  }

  /** Logs that the hook of this name failed, such as `observer.ended`; the call it belongs to continues. */
  hook(hook: string, error: unknown): void {
    this.error("The hook {hook} failed: {error}", { hook, error });
  }

  /** Checks the return value of a hook that should return nothing: a promise that rejects is a failure of the hook. */
  returned(hook: string, result: unknown): void {
    if (result !== undefined) onRejection(result, (error) => this.hook(hook, error));
  }

  /** Calls a hook that should return nothing. What it throws, or rejects with, is logged. */
  invoke<T>(hook: string, callback: (value: T) => unknown, value: T): void {
    try {
      this.returned(hook, callback(value));
    } catch (error) {
      this.hook(hook, error);
    }
  }

  #write(level: "error" | "warn", template: string, facts: FailureFacts): void {
    try {
      if (isConfigured(this.#log.category)) {
        this.#log[level](template, { ...facts, error: readable(facts.error) });
      } else if (this.#print) printLine(template, facts);
    } catch {
      // Exceptions of a log sink are ignored: reporting a failure must not fail.
    }
  }
}

/** Returns a thrown value, or an Error with its text if reading it throws: a sink would fail and lose the line. */
function readable(thrown: unknown): unknown {
  try {
    if (thrown instanceof Error) String(thrown.message);
    return thrown;
  } catch {
    return new Error(textOf(thrown));
  }
}

/** Whether LogTape is configured for this category or one around it. */
function isConfigured(category: readonly string[]): boolean {
  const loggers = getConfig()?.loggers ?? [];
  return loggers.some((logger) => {
    const prefix = typeof logger.category === "string" ? [logger.category] : logger.category;
    return prefix.length <= category.length && prefix.every((part, i) => part === category[i]);
  });
}

let secondStartMs = -Infinity;
let lines = 0;
let unprinted = 0;

function printLine(template: string, facts: FailureFacts): void {
  const nowMs = performance.now();
  if (nowMs - secondStartMs >= 1_000) {
    if (unprinted > 0) console.error(`vrpc: ${unprinted} more failures were not printed`);
    secondStartMs = nowMs;
    lines = unprinted = 0;
  }
  if (lines++ >= MAX_LINES_PER_SECOND) {
    unprinted++;
    return;
  }
  const text = template
    .replace(/:? ?\{error\}$/, "")
    .replace(/\{(\w+)\}/g, (_, name) => printable(String(facts[name])));
  console.error(`vrpc: ${text}:`, printableThrown(facts.error));
}
