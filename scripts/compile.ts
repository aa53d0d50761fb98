/**
 * Compiles `cmd/*.ts` to single-file programs in `build/`. `deno compile` omits workers silently, so they are
 * found in the source, passed to it, and checked in its list of embedded files.
 *
 *     deno task compile [NAME…]
 *
 * With `DENORT_BIN` in the environment, that runtime is used instead of a download.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { readArguments } from "./arguments.ts";

const ROOT = new URL("..", import.meta.url);
const PROGRAMS = ["server", "client", "benchmark", "enclave", "host", "vrpc"];
const USAGE = `
deno task compile [NAME …]

  NAME     of ${PROGRAMS.join(", ")}; default all
`;

/** Reads code without block comments, whose examples import files that do not exist here. */
async function codeOf(file: URL): Promise<string> {
  return (await Deno.readTextFile(file)).replace(/\/\*[\s\S]*?\*\//g, "");
}

/** Finds every file that `path` imports or starts as a worker, directly or not. */
async function reachable(path: URL, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(path.href)) return found;
  found.add(path.href);
  const source = await codeOf(path);
  const references = source.matchAll(
    /(?:from|import)\s*\(?\s*"(\.[^"]+)"|new Worker\(\s*new URL\(\s*"([^"]+)"/g,
  );
  for (const [, imported, worker] of references) {
    await reachable(new URL(imported ?? worker, path), found);
  }
  return found;
}

/** Finds the workers of a program, as paths below the root of the project. */
async function workersOf(path: URL): Promise<string[]> {
  const workers = new Set<string>();
  for (const file of await reachable(path)) {
    const source = await codeOf(new URL(file));
    for (const [, url] of source.matchAll(/new Worker\(\s*new URL\(\s*"([^"]+)"/g)) {
      workers.add(new URL(url, file).href.slice(ROOT.href.length));
    }
    if (/new Worker\(\s*(?!new URL\(\s*")/.test(source)) {
      throw new Error(
        `${file} starts a worker whose URL deno compile does not find: use a literal URL`,
      );
    }
  }
  return [...workers];
}

/** Returns the permissions and V8 flags of the task with the name of the program. */
async function flagsOf(name: string): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const flags = (tasks[name] as string).match(/--(?:allow-|v8-flags=)\S+/g);
  if (flags === null) throw new Error(`deno.json has no permissions for ${name}`);
  return flags;
}

/** Compiles one program. Throws when a worker is missing in it. */
async function compile(name: string): Promise<void> {
  const workers = await workersOf(new URL(`cmd/${name}.ts`, ROOT));
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      ...await flagsOf(name),
      "--exclude-unused-npm",
      ...workers.flatMap((worker) => ["--include", worker]),
      "--output",
      `build/${name}`,
      `cmd/${name}.ts`,
    ],
    cwd: ROOT.pathname,
  }).output();
  const text = stripVTControlCharacters(
    new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
  );
  if (!success) throw new Error(`deno compile cmd/${name}.ts failed:\n${text}`);
  const embedded = text.slice(text.indexOf("Embedded Files"));
  for (const worker of workers) {
    const file = worker.split("/").at(-1)!;
    if (!embedded.includes(` ${file} `)) {
      throw new Error(`build/${name} is missing its worker ${worker}:\n${embedded}`);
    }
    console.log(`build/${name} includes its worker ${worker}`);
  }
}

let failed = 0;
let made = 0;
const { names } = readArguments(USAGE, {}, PROGRAMS);
for (const name of names.length > 0 ? names : PROGRAMS) {
  try {
    await compile(name);
    made++;
    const { size } = await Deno.stat(new URL(`build/${name}`, ROOT));
    console.log(`build/${name} (${(size / 1e6).toFixed(0)} MB)`);
  } catch (error) {
    failed++;
    console.error(error instanceof Error ? error.message : error);
  }
}
console.log(`${made} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
