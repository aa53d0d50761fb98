/**
 * This project's programs for the suites, on Deno or, built by `scripts/runtimes`, on Node or Bun.
 *
 * @module
 */

import { join } from "node:path";
import { build } from "../runtimes/build.ts";
import { programOf } from "../runtimes/programs.ts";
import type { RuntimeName } from "../runtimes/skips.ts";
import { ROOT } from "./tools.ts";

let prefix = [Deno.execPath(), "run", "-A", "--no-check"];
let fileOf = (path: string) => join(ROOT, path);

/** Makes {@link ourProgram} run programs on Node or Bun. Throws an Error if this machine cannot have it. */
export async function useRuntime(name: RuntimeName): Promise<void> {
  const program = await programOf(name, undefined);
  const folder = join(ROOT, "build", `conformance-${name}`);
  await build(folder);
  prefix = [program, join(folder, "scripts/runtimes/host/run_program.js")];
  fileOf = (path) => join(folder, path.replace(/\.ts$/, ".js"));
}

/** Returns the command of a program of the checkout. */
export function ourProgram(path: string, ...args: string[]): string[] {
  return [...prefix, fileOf(path), ...args];
}
