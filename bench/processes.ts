/**
 * Processes and the machine, for benchmarks.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { cpus } from "node:os";

// USER_HZ, fixed at 100 in user space.
const TICK_MS = 10;

/** V8 flags of the task `server`, for servers started like it. */
export const SERVER_V8_FLAGS =
  "--v8-flags=--max-semi-space-size=2,--initial-old-space-size=40,--heap-growing-percent=100," +
  "--single-threaded-gc,--concurrent-array-buffer-sweeping,--no-allocation-site-pretenuring";

/** Command prefix that gives a process the lowest priority, below the measuring one on the same core. */
export const BEHIND_OTHERS: readonly string[] = ["chrt", "--idle", "0"];

/**
 * Gives all threads of a measuring process real-time priority, where permitted; threads started later don't get it.
 * `chrt --idle` for the others is not enough: they continued for a tick of 4 ms while it was ready.
 */
export async function goFirst(pid: number): Promise<void> {
  try {
    const args = ["--all-tasks", "--reset-on-fork", "--rr", "--pid", "1", String(pid)];
    await new Deno.Command("chrt", { args, stdout: "null", stderr: "null" }).output();
  } catch {
    // Not permitted: measures with normal priority.
  }
}

/** Pins all threads of a process, present and future, to one core, if `taskset` is installed. */
export async function pin(pid: number, core: number | string): Promise<void> {
  try {
    const args = ["-a", "-cp", String(core), String(pid)];
    await new Deno.Command("taskset", { args, stdout: "null", stderr: "null" }).output();
  } catch {
    // Not installed: measures unpinned.
  }
}

/** Program in another process. */
export interface ChildProgram extends AsyncDisposable {
  /** Process id. */
  readonly pid: number;
  /** First line of its output. */
  readonly line: string;
}

/** Starts a program of this project, with additional arguments for Deno, and waits for its first line. Disposing ends it. */
export async function childProcess(
  url: string | URL,
  args: string[],
  runtimeArgs: string[] = [],
): Promise<ChildProgram> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", ...runtimeArgs, new URL(url).pathname, ...args],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${url} ended before printing a line`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return {
    pid: child.pid,
    line: text.slice(0, text.indexOf("\n")),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // The program has already ended.
      }
      await child.stdout.cancel();
      await child.status;
    },
  };
}

/** Reads the total CPU time of a process, in ms, in steps of 10. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // utime and stime are fields 14 and 15; the name before them may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Describes machine and versions in one line. */
export function machine(): string {
  const [first, ...rest] = cpus();
  return `${first.model} × ${rest.length + 1}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`;
}
