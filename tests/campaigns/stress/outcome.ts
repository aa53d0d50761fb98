/**
 * Common parts of the stress tests: the server, figures, and limits.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { childProcess, type ChildProgram, SERVER_V8_FLAGS } from "../../../bench/processes.ts";

/** Outcome of one part. */
export interface Outcome {
  /** Figures, one line each. */
  readonly lines: string[];
  /** Missed limits; empty for success. */
  readonly missed: string[];
}

/** Collects figures and missed limits. */
export class Findings implements Outcome {
  readonly lines: string[] = [];
  readonly missed: string[] = [];

  /** Adds a figure. */
  note(line: string): void {
    this.lines.push(line);
  }

  /** Adds a figure with a limit. */
  check(holds: boolean, line: string): void {
    (holds ? this.lines : this.missed).push(line);
  }
}

/** Starts the server program on one thread; `line` holds its address. */
export async function startServer(
  args: string[] = [],
): Promise<ChildProgram & { address: string }> {
  const server = await childProcess(new URL("../../../cmd/server.ts", import.meta.url), [
    ...["--addr", "127.0.0.1:0", "--workers", "1", "--log-level", "error", ...args],
  ], [SERVER_V8_FLAGS]);
  return Object.assign(server, { address: server.line.replace("listening ", "") });
}

/** Starts a process of a part; resolves to the JSON in its first line. */
export async function inProcess<Result>(url: string, args: string[]): Promise<Result> {
  await using child = await childProcess(url, args);
  return JSON.parse(child.line);
}

/** Reads the resident memory of a process, in MiB. */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(status.match(/VmRSS:\s+(\d+)/)![1]) / 1024;
}

/** Returns the value below which a share of `values` lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Polls until `holds`, for at most `timeoutMs`. */
export async function until(holds: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (performance.now() < endMs) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return await holds();
}
