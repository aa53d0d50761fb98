/**
 * Programs of this project, run to their end with given input.
 *
 * @module
 */

import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "../..");

/** What a program said, and how it ended. */
export interface ProgramResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs `path` (from the project's root) with `args`; `stdin` is all that it can read. */
export async function runProgram(
  path: string,
  args: readonly string[],
  stdin = "",
): Promise<ProgramResult> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", join(ROOT, path), ...args],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A program that reads nothing may be gone before it is written to.
  const written = writer.write(new TextEncoder().encode(stdin)).then(() => writer.close())
    .catch(() => {});
  const { stdout, stderr, code } = await child.output();
  await written;
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), code };
}
