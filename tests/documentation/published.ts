/**
 * A folder outside of the checkout that uses vrpc as it is published.
 *
 * @module
 */

import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";

/** The checkout. */
export const ROOT = join(import.meta.dirname!, "../..");

/** Output of a program. */
export interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs deno with `args` in `cwd`. */
export async function deno(args: readonly string[], cwd: string): Promise<Output> {
  return await run(Deno.execPath(), args, cwd);
}

/** Runs a program in `cwd`; `deno` on its path is the one that runs the tests. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: environment(),
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Environment variables of programs that tests start. */
export function environment(): Record<string, string> {
  const path = `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}`;
  return { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", PATH: path };
}

/** Copies the files that `deno publish` would send into `directory`, and returns their paths. */
export async function copyPublished(directory: string): Promise<string[]> {
  const { code, err } = await deno(["publish", "--dry-run", "--allow-dirty", "--no-check"], ROOT);
  assert.equal(code, 0, err);
  const files = [...err.matchAll(/^\s+file:\/\/(\S+) \(/gm)].map(([, path]) =>
    relative(ROOT, path)
  );
  for (const file of files) {
    await Deno.mkdir(join(directory, dirname(file)), { recursive: true });
    await Deno.copyFile(join(ROOT, file), join(directory, file));
  }
  return files;
}

/**
 * Makes `directory` a project that has installed vrpc and the npm packages `installed`, and returns the paths of the
 * files that are published. They are a copy in `published/`, linked in place of the registry's.
 */
export async function makeProject(
  directory: string,
  installed: readonly string[],
): Promise<string[]> {
  const files = await copyPublished(join(directory, "published"));
  const { imports, name, version } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const packages = installed.map((one) => [one, imports[one]]);
  await Deno.writeTextFile(
    join(directory, "deno.json"),
    JSON.stringify({
      imports: { [name]: `jsr:${name}@^${version}`, ...Object.fromEntries(packages) },
      links: ["./published"],
    }),
  );
  return files;
}
