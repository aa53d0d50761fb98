/**
 * What benchmarks need to know of processes and of the machine.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { cpus } from "node:os";

// USER_HZ of every Linux that Deno runs on.
const TICK_MS = 10;

/** What the task `server` gives to V8, for whoever starts a server as it does. */
export const SERVER_V8_FLAGS =
  "--v8-flags=--max-semi-space-size=2,--initial-old-space-size=32,--heap-growing-percent=100," +
  "--single-threaded-gc,--concurrent-array-buffer-sweeping,--no-allocation-site-pretenuring";

/** Starts what follows so that whoever measures goes first where both share a core. */
export const BEHIND_OTHERS: readonly string[] = ["chrt", "--idle", "0"];

/**
 * Lets all threads of a process that measures go first, real-time, where that is allowed; what it starts later does not.
 * `chrt --idle` for the others is not enough: they were seen to run on for a tick of 4 ms while it was ready.
 */
export async function goFirst(pid: number): Promise<void> {
  try {
    const args = ["--all-tasks", "--reset-on-fork", "--rr", "--pid", "1", String(pid)];
    await new Deno.Command("chrt", { args, stdout: "null", stderr: "null" }).output();
  } catch {
    // Measured as the system lets it.
  }
}

/** Moves all threads of a process to one core, where `taskset` is. What the process starts later goes there too. */
export async function pin(pid: number, core: number | string): Promise<void> {
  try {
    const args = ["-a", "-cp", String(core), String(pid)];
    await new Deno.Command("taskset", { args, stdout: "null", stderr: "null" }).output();
  } catch {
    // Measured where the system puts it.
  }
}

/** A program in a process of its own. */
export interface ChildProgram extends AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** The first line that it printed. */
  readonly line: string;
}

/** Starts a program of this project, with further arguments for Deno, and waits for its first line. Disposing of it ends it. */
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
    if (done) throw new Error(`${url} ended before it was ready`);
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
        // It has ended by itself.
      }
      await child.stdout.cancel();
      await child.status;
    },
  };
}

/** The CPU time that a process has used in all, in ms, in steps of 10. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // Behind the name, which may hold anything: utime and stime are fields 14 and 15 of all.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** One line about the machine and the versions. */
export function machine(): string {
  const [first, ...rest] = cpus();
  return `${first.model} × ${rest.length + 1}, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`;
}
