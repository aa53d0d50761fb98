/**
 * Compilation of one program.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { commit } from "../commit.ts";
import { needsOf } from "./sources.ts";

const ROOT = new URL("../..", import.meta.url);

/** Programs of `cmd/` that are compiled. */
export const PROGRAMS = ["server", "client", "benchmark", "enclave", "host", "vrpc"] as const;

/** Sources of programs whose names differ from theirs: `vrpc` has the others as sub-commands. */
const SOURCES: Readonly<Record<string, string>> = { vrpc: "cli" };

/** File with the commit, which compiled programs contain; see `cmd/shared/version.ts`. */
const COMMIT = "build/commit.txt";

/** How to compile. */
export interface CompileOptions {
  /** System to compile for, as of `deno compile --target`. Default: this one. */
  readonly target?: string;
  /** Program `deno`. Default: the one that runs this. */
  readonly deno?: string;
  /** Runtime for compiled programs, instead of a download. */
  readonly runtime?: string;
  /** Folder for the programs, below the root of the project. Default: `build`, or `build/TARGET`. */
  readonly folder?: string;
}

/** A compiled program. */
export interface CompiledProgram {
  readonly path: string;
  /** Files of the workers inside, below the root of the project. */
  readonly workers: readonly string[];
  /** Its size. */
  readonly bytes: number;
}

interface Config {
  readonly unstable: readonly string[];
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, string>>;
}

/** Compiles one program. Throws an Error when that fails, or when a worker is missing in it. */
export async function compile(
  name: string,
  { target, deno = Deno.execPath(), runtime, folder }: CompileOptions = {},
): Promise<CompiledProgram> {
  const config: Config = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const source = `cmd/${SOURCES[name] ?? name}.ts`;
  const { workers, packages } = await needsOf(source);
  await writeCommit();
  const isWindows = target === undefined ? Deno.build.os === "windows" : target.includes("windows");
  const path = `${folder ?? (target === undefined ? "build" : `build/${target}`)}/${name}` +
    (isWindows ? ".exe" : "");
  const { success, stdout, stderr } = await new Deno.Command(deno, {
    args: [
      "compile",
      ...["--config", await configOf(name, config, packages)],
      "--no-check",
      ...flagsOf(name, config),
      ...[...workers, COMMIT].flatMap((file) => ["--include", file]),
      ...target === undefined ? [] : ["--target", target],
      ...["--output", path],
      source,
    ],
    cwd: ROOT.pathname,
    env: runtime === undefined ? {} : { DENORT_BIN: runtime },
  }).output();
  const text = stripVTControlCharacters(
    new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
  );
  if (!success) throw new Error(reasonOf(text, name));
  for (const worker of workers) {
    const [folder, file] = worker.split("/").slice(-2);
    // The list of embedded files shows a folder with a single file as "FOLDER/*".
    if (!text.includes(` ${file} `) && !text.includes(` ${folder}/* `)) {
      throw new Error(`${path} is missing its worker ${worker}`);
    }
  }
  return { path, workers, bytes: (await Deno.stat(new URL(path, ROOT))).size };
}

/** Writes the commit of the checkout; an empty file where there is none. */
async function writeCommit(): Promise<void> {
  await Deno.mkdir(new URL("build", ROOT), { recursive: true });
  await Deno.writeTextFile(new URL(COMMIT, ROOT), await commit());
}

/** Returns the permissions and V8 flags of the task with the name of the program. */
function flagsOf(name: string, { tasks }: Config): string[] {
  const flags = tasks[name].match(/--(?:allow-|v8-flags=|no-prompt)\S*/g);
  if (flags === null) throw new Error(`deno.json has no permissions for ${name}`);
  return flags;
}

/**
 * Writes a configuration with the packages of the program alone, and returns its path: `deno compile` embeds all packages
 * that the configuration names, 200 MB of them for the tests.
 */
async function configOf(name: string, config: Config, packages: readonly string[]) {
  const imports = Object.entries(config.imports)
    .filter(([key]) => packages.some((used) => used === key || used.startsWith(`${key}/`)));
  const folder = new URL(`build/config/${name}/`, ROOT);
  await Deno.mkdir(folder, { recursive: true });
  const { unstable } = config;
  const content = { unstable, nodeModulesDir: "none", imports: Object.fromEntries(imports) };
  await Deno.writeTextFile(new URL("deno.json", folder), JSON.stringify(content));
  // Keeps the versions of the packages; the copy loses the entries of the others.
  await Deno.copyFile(new URL("deno.lock", ROOT), new URL("deno.lock", folder));
  return new URL("deno.json", folder).pathname;
}

/** Returns why `deno compile` failed: one line for a failed download, all that it printed for other reasons. */
export function reasonOf(text: string, name: string): string {
  const request = /^\s*(?:\d+: )?(error sending request .*|.*denort.* not found.*)$/mi.exec(text);
  return request === null
    ? `deno compile cmd/${name}.ts failed:\n${text}`
    : `Cannot download the runtime of compiled programs, which DENORT_BIN can name: ${request[1]}`;
}
