/**
 * Deno's functions for processes, by node:child_process.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeSync } from "node:fs";
import process from "node:process";
import { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

type Stdio = "piped" | "null" | "inherit";

interface CommandOptions {
  readonly args?: readonly string[];
  readonly cwd?: string | URL;
  readonly env?: Record<string, string>;
  readonly clearEnv?: boolean;
  readonly stdin?: Stdio;
  readonly stdout?: Stdio;
  readonly stderr?: Stdio;
}

const STDIO = { piped: "pipe", null: "ignore", inherit: "inherit" } as const;

const V8_FLAGS = "--v8-flags=";
const isBun = "bun" in process.versions;
const RUNNER = fileURLToPath(new URL("./run_program.ts", import.meta.url));

/** Program to start. `deno run` of a test's own program becomes the runtime's own way to run what was built of it. */
class Command {
  constructor(readonly program: string | URL, readonly options: CommandOptions = {}) {}

  /** Starts it; its output goes to that of this process, unless it is piped. */
  spawn() {
    return new Child(this.#start("inherit"));
  }

  /** Runs it to its end; resolves to its output. */
  output() {
    return new Child(this.#start("piped")).output();
  }

  #args(): readonly string[] {
    const { args = [] } = this.options;
    if (this.program !== process.execPath || args[0] !== "run") return args;
    const at = args.findIndex((argument, i) => i > 0 && !argument.startsWith("-"));
    const flags = args.slice(1, at).filter((flag) => flag.startsWith(V8_FLAGS) && !isBun);
    const v8Flags = flags.flatMap((flag) => flag.slice(V8_FLAGS.length).split(","));
    return [...v8Flags, RUNNER, args[at].replace(/\.ts$/, ".js"), ...args.slice(at + 1)];
  }

  #start(stdio: Stdio): ChildProcess {
    const { cwd, env, clearEnv, stdin = "null", stdout = stdio, stderr = stdio } = this.options;
    return spawn(String(this.program), this.#args(), {
      cwd,
      env: clearEnv ? env : { ...process.env, ...env },
      stdio: [STDIO[stdin], STDIO[stdout], STDIO[stderr]],
    });
  }
}

/** Running program. */
class Child {
  readonly status: Promise<{ success: boolean; code: number; signal: string | null }>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.status = once(child, "exit").then(([code, signal]) => ({
      success: code === 0,
      code: code ?? 1,
      signal,
    }));
  }

  /** Resolves to the output from now on and the outcome, once the program has ended. */
  async output() {
    const parts = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
    for (const name of ["stdout", "stderr"] as const) {
      this.#child[name]?.on("data", (part) => parts[name].push(part));
    }
    await once(this.#child, "close");
    return {
      ...await this.status,
      stdout: new Uint8Array(Buffer.concat(parts.stdout)),
      stderr: new Uint8Array(Buffer.concat(parts.stderr)),
    };
  }

  get pid() {
    return this.#child.pid!;
  }

  get stdin() {
    return Writable.toWeb(this.#child.stdin!);
  }

  get stdout() {
    return Readable.toWeb(this.#child.stdout!);
  }

  get stderr() {
    return Readable.toWeb(this.#child.stderr!);
  }

  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    this.#child.kill(signal);
  }
}

/** Functions for processes under their names in `Deno`. */
export const processes = {
  Command,
  pid: process.pid,
  args: process.argv.slice(2),
  execPath: () => process.execPath,
  stdin: {
    get readable() {
      return Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>;
    },
  },
  stdout: { writeSync: (bytes: Uint8Array) => writeSync(1, bytes) },
  exit: (code?: number) => process.exit(code),
  cwd: () => process.cwd(),
  chdir: (folder: string) => process.chdir(folder),
  memoryUsage: () => process.memoryUsage(),
  build: { os: process.platform },
  env: {
    get: (name: string) => process.env[name],
    set(name: string, value: string) {
      process.env[name] = value;
    },
    delete(name: string) {
      delete process.env[name];
    },
  },
  addSignalListener(signal: NodeJS.Signals, listener: () => void) {
    process.on(signal, listener);
  },
};
