/**
 * What parts of the stress have in common: the server, figures, and limits that are held or missed.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { childProcess, type ChildProgram, SERVER_V8_FLAGS } from "../../../bench/processes.ts";

/** What one part found. */
export interface Outcome {
  /** Figures for people. */
  readonly lines: string[];
  /** Limits that were missed; empty when all is well. */
  readonly missed: string[];
}

/** Collects figures and missed limits. */
export class Findings implements Outcome {
  readonly lines: string[] = [];
  readonly missed: string[] = [];

  /** Notes a figure. */
  note(line: string): void {
    this.lines.push(line);
  }

  /** Notes a figure that must hold. */
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

/** Starts a part's own process, and resolves to the JSON of its first line once it has printed it. */
export async function inProcess<Result>(url: string, args: string[]): Promise<Result> {
  await using child = await childProcess(url, args);
  return JSON.parse(child.line);
}

/** Resident memory of a process in MiB. */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(status.match(/VmRSS:\s+(\d+)/)![1]) / 1024;
}

/** The value below which a share of `values` lies. */
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
