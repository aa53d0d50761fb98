/**
 * What is logged while a test runs.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { configure, getConfig, type LogLevel, type LogRecord, reset } from "@logtape/logtape";

/**
 * Options of {@link captureLog}.
 *
 * @category Testing
 */
export interface CaptureLogOptions {
  /** Category whose records are kept, with those below it. Default `["vrpc"]`; `[]` is all. */
  category?: readonly string[];
  /** Lowest level that is kept. Default `trace`: all. */
  lowestLevel?: LogLevel;
}

/**
 * The records that were logged since {@link captureLog}. Its disposal brings back LogTape's configuration of before.
 *
 * @category Testing
 */
export interface CapturedLog extends AsyncDisposable {
  /** Records, in the order in which they were logged. */
  readonly records: readonly LogRecord[];
  /** The records as text: the level, a space, and the message with its values. */
  readonly lines: string[];
}

/**
 * Configures LogTape to keep what is logged in memory. LogTape has one configuration in a process: tests that run at the
 * same time share it.
 *
 * ```ts
 * import { captureLog, testServer } from "@vrpc/vrpc/testing";
 *
 * await using log = await captureLog({ lowestLevel: "error" });
 * await using test = await testServer((router) => {
 *   router.method("/fail", {}, () => {
 *     throw new Error("no disk");
 *   });
 * });
 * await test.channel.call("/fail", new Uint8Array()).catch(() => {});
 * console.assert(log.lines.some((line) => line.includes("no disk")));
 * ```
 *
 * @category Testing
 */
export async function captureLog(options: CaptureLogOptions = {}): Promise<CapturedLog> {
  const { category = ["vrpc"], lowestLevel = "trace" } = options;
  const records: LogRecord[] = [];
  const before = getConfig();
  await configure({
    reset: true,
    sinks: { memory: (record) => void records.push(record) },
    loggers: [
      { category: [...category], lowestLevel, sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: [] },
    ],
    contextLocalStorage: new AsyncLocalStorage(),
  });
  return {
    records,
    get lines() {
      return records.map(({ level, message }) => `${level} ${message.map(shown).join("")}`);
    },
    async [Symbol.asyncDispose]() {
      await reset();
      if (before !== null) await configure({ ...before, reset: true });
    },
  };
}

/** The text of a part of a message: an error's own text, not its stack. */
function shown(part: unknown): string {
  if (typeof part === "string") return part;
  if (part instanceof Error) return `${part.name}: ${part.message}`;
  return typeof part === "object" ? JSON.stringify(part) : String(part);
}
