/**
 * The parts of `Deno` that the programs use, on Node and Bun.
 *
 * @module
 */

import { once } from "node:events";
import { Readable } from "node:stream";
import fs from "node:fs";
import { files } from "./files.ts";
import { Worker } from "./worker.ts";

/** Makes a class of which an error of Node's is an instance by its code. */
const errorOf = (code: string) =>
  class extends Error {
    readonly code = code;

    static override [Symbol.hasInstance](error: unknown): boolean {
      return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
    }
  };

/** Standard output or standard error. */
const output = (stream: NodeJS.WriteStream, fd: number) => ({
  isTerminal: () => stream.isTTY === true,
  async write(bytes: Uint8Array): Promise<number> {
    if (!stream.write(bytes)) await once(stream, "drain");
    return bytes.length;
  },
  writeSync(bytes: Uint8Array): number {
    try {
      return fs.writeSync(fd, bytes);
    } catch (error) {
      // A pipe that is full; Node has made it non-blocking.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      stream.write(bytes);
      return bytes.length;
    }
  },
});

const OS: Readonly<Record<string, string>> = { win32: "windows" };
const ARCH: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

const host = {
  ...files,
  args: process.argv.slice(2),
  pid: process.pid,
  build: {
    os: OS[process.platform] ?? process.platform,
    arch: ARCH[process.arch] ?? process.arch,
  },
  env: {
    get: (name: string) => process.env[name],
    has: (name: string) => name in process.env,
  },
  permissions: { querySync: () => ({ state: "granted" }) },
  errors: { NotFound: errorOf("ENOENT"), AlreadyExists: errorOf("EEXIST") },
  execPath: () => process.execPath,
  exit: (code?: number) => process.exit(code),
  memoryUsage: () => process.memoryUsage(),
  addSignalListener: (signal: NodeJS.Signals, listener: () => void) => process.on(signal, listener),
  stdin: {
    isTerminal: () => process.stdin.isTTY === true,
    get readable() {
      return Readable.toWeb(process.stdin);
    },
  },
  stdout: output(process.stdout, 1),
  stderr: output(process.stderr, 2),
};
Object.assign(globalThis, { Deno: host, Worker });

// Programs clean up on `unload`, which Deno dispatches before the process exits.
const onUnload = new Map<unknown, () => void>();
Object.assign(globalThis, {
  addEventListener(name: string, listener: () => void) {
    if (name !== "unload") return;
    onUnload.set(listener, listener);
    process.on("exit", listener);
  },
  removeEventListener(_name: string, listener: () => void) {
    const known = onUnload.get(listener);
    if (known !== undefined) process.off("exit", known);
  },
});
