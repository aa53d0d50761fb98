/**
 * Builds the program `vrpc` of the npm package: the programs of `cmd/` as bundles for Node and Bun, with the parts of
 * `Deno` that they use made of Node's modules.
 *
 * @module
 */

import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the programs are made of. */
const SOURCES = ["mod.ts", "src", "proto/gen", "cmd", "scripts/npm/cli", "deno.json"];
/** Entry points besides the program: threads, which are started by the paths of their files. */
const THREADS = [
  "benchmark/worker",
  "benchmark/server_worker",
  "benchmark/metronome_worker",
  "server/worker",
];
const HELPERS = "scripts/npm/cli";
/** Packages in CommonJS require the modules of Node. */
const BANNER = `#!/usr/bin/env node
import { createRequire as vrpcRequire } from "node:module";
const require = vrpcRequire(import.meta.url);`;

/** How to build. */
export interface CliBuild {
  /** Folder for the program. */
  readonly target: string;
  /** Folder with the `node_modules` of the tools and dependencies. */
  readonly tools: string;
  /** Packages that stay imports. */
  readonly external: readonly string[];
  /** Returns a source as the package has it. */
  packaged(path: string, source: string): string;
  /** Runs esbuild with arguments, in a folder. */
  esbuild(args: readonly string[], folder: string): Promise<void>;
}

async function copy(path: string, folder: string, { packaged }: CliBuild): Promise<void> {
  const from = join(ROOT, path);
  if ((await Deno.stat(from)).isDirectory) {
    for await (const { name } of Deno.readDir(from)) {
      await copy(join(path, name), folder, { packaged } as CliBuild);
    }
    return;
  }
  await Deno.mkdir(join(folder, dirname(path)), { recursive: true });
  const source = await Deno.readTextFile(from);
  await Deno.writeTextFile(join(folder, path), packaged(path, withThreads(path, source)));
}

/** Name of a thread's bundle: all lie in one folder, so that it is the same from each of them. */
const nameOf = (thread: string) => thread.replaceAll("/", "_");

/** Makes the URLs of threads those of their bundles. */
function withThreads(path: string, source: string): string {
  if (!path.startsWith("cmd/")) return source;
  return source.replace(/new URL\("(\.\.?\/[\w/]+)\.ts", import\.meta\.url\)/g, (_, thread) => {
    const name = nameOf(relative("cmd", join(dirname(path), thread)));
    return `new URL("./${name}.js", import.meta.url)`;
  });
}

/** Builds the program in `target`, as `vrpc.js`. */
export async function buildCli(build: CliBuild): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "vrpc-npm-cli-" });
  try {
    for (const path of SOURCES) await copy(path, folder, build);
    await Deno.symlink(join(build.tools, "node_modules"), join(folder, "node_modules"));
    const entries = [
      `vrpc=${HELPERS}/main.ts`,
      `worker_thread=${HELPERS}/worker_thread.ts`,
      ...THREADS.map((name) => `${nameOf(name)}=cmd/${name}.ts`),
    ];
    await build.esbuild([
      ...entries,
      ...["--bundle", "--splitting", "--format=esm", "--platform=node", "--target=node20"],
      ...["--loader:.css=text", "--log-level=warning", "--minify-syntax", "--minify-whitespace"],
      ...build.external.flatMap((name) => [`--external:${name}`, `--external:${name}/*`]),
      ...[`--outdir=${build.target}`, `--banner:js=${BANNER}`],
    ], folder);
    await Deno.chmod(join(build.target, "vrpc.js"), 0o755);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
