/**
 * Runs the programs of `examples/` on Node and Bun, against the installed package, and compares what they print.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assertLines, EXPECTED } from "../../tests/examples/expected.ts";
import { run } from "../commands.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the programs import, beside the package. */
const NEEDED = ["proto/gen"];

/** Examples that are for Deno alone, and why. */
const DENO_ONLY: Readonly<Record<string, string>> = {
  browser: "its page is served by Deno.serve",
  hybrid_vsock: "its monitor is made of Deno's sockets",
  upload: "it reads and writes Deno's files",
  vsock: "the other runtimes have no vsock",
};

/** Examples that older versions of Node cannot run: the first major version that can, and what the others lack. */
const NEWER_NODE: Readonly<Record<string, { since: number; reason: string }>> = {
  compression: { since: 24, reason: "zstd" },
  deadlines: { since: 22, reason: "Promise.withResolvers" },
  graceful_restart: { since: 22, reason: "several listeners on one port, which came with 22.12" },
  worker_pool: { since: Infinity, reason: "threads that load TypeScript" },
};

/** Examples that Bun cannot run, and why. */
const NOT_ON_BUN: Readonly<Record<string, string>> = {};

/** Examples with a test of their own, which compares no lines. */
const UNCOMPARED = ["opentelemetry"];

/** Copies the examples and what they import into `folder`. */
export async function copyExamples(folder: string): Promise<void> {
  for (const path of ["examples", ...NEEDED]) {
    await Deno.mkdir(join(folder, path, ".."), { recursive: true });
    await run("cp", ["-r", join(ROOT, path), join(folder, path)], folder);
  }
}

/** Returns the examples that run on the other runtimes. Throws an Error if a list here names one that does not exist. */
export async function portableExamples(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, "examples"))) {
    if (isDirectory) names.push(name);
  }
  const listed = [DENO_ONLY, NEWER_NODE, NOT_ON_BUN].flatMap((list) => Object.keys(list));
  const missing = listed.filter((name) => !names.includes(name));
  if (missing.length > 0) throw new Error(`There is no example ${missing.join(", ")}`);
  return names.filter((name) => !Object.hasOwn(DENO_ONLY, name)).sort();
}

/** Returns why a runtime cannot run an example; undefined if it can. `nodeMajor` is the major version of Node. */
export function reasonToSkip(
  name: string,
  runtime: "node" | "bun",
  nodeMajor: number,
): string | undefined {
  if (runtime === "bun") return NOT_ON_BUN[name];
  const { since = 0, reason } = NEWER_NODE[name] ?? {};
  return nodeMajor < since ? reason : undefined;
}

/** Runs an example by its one command, and compares its lines. */
export async function runExample(
  command: readonly string[],
  name: string,
  folder: string,
): Promise<void> {
  const [program, ...args] = command;
  const printed = await run(program, [...args, `examples/${name}/main.ts`], folder);
  if (!UNCOMPARED.includes(name)) assertLines(printed.trimEnd().split("\n"), EXPECTED[name]);
}
