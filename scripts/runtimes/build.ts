/**
 * Makes JavaScript for Node and Bun of the sources and their tests, in a folder of `build/`, file by file: so tests find
 * files beside them as they do in the checkout. The runtime is Node's, as in the npm package.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../cache_folder.ts";
import { run } from "../commands.ts";

/** Root of the checkout. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDERS = ["src", "proto", "tests", "docs", "scripts"];
const FILES = [
  ...["mod.ts", "deno.json", "README.md", "bench/processes.ts", "bench/orders.ts"],
  ...["client", "modes", "server"].map((name) => `bench/peers/${name}.ts`),
];
const TOOLS = { esbuild: "0.28.2" };
/** Packages of deno.json that no test needs on Node. */
const UNUSED = ["@bufbuild/buf", "@bufbuild/protoc-gen-es"];

/** Installs packages in a folder of the cache, unless it has them; returns its `node_modules`. */
export async function install(
  name: string,
  dependencies: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = cacheFolder(name);
  await Deno.mkdir(folder, { recursive: true });
  const manifest = JSON.stringify({ private: true, dependencies });
  const installed = join(folder, "installed.json");
  if (await Deno.readTextFile(installed).catch(() => "") !== manifest) {
    await Deno.writeTextFile(join(folder, "package.json"), manifest);
    await run("npm", ["install", "--no-audit", "--no-fund", "--silent"], folder);
    await Deno.writeTextFile(installed, manifest);
  }
  return join(folder, "node_modules");
}

async function filesBelow(path: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, path))) {
    if (isDirectory) files.push(...await filesBelow(join(path, name)));
    else files.push(join(path, name));
  }
  return files;
}

/** Versions of the packages in the imports of deno.json. */
async function importedPackages(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const versions = Object.values<string>(imports)
    // Without the path in a package, such as "/sync".
    .map((target) => /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)/.exec(target))
    .filter((found) => found !== null && !UNUSED.includes(found[1]))
    .map((found) => found!.slice(1));
  return Object.fromEntries(versions);
}

/** Replaces the extension of relative imports, and of the paths of workers. */
const withExtension = (text: string) =>
  text.replace(/(["'`])(\.{1,2}\/[^"'`\s]*)\.ts\1/g, "$1$2.js$1");

/** Replaces imports of files as text, which Node lacks. */
const withoutTextImports = (text: string) =>
  text.replace(
    /import (\w+) from ("[^"]+") with \{ type: "text" \};/g,
    (_, name, path) =>
      `import { readFileSync as ${name}Of } from "node:fs"; ` +
      `const ${name} = ${name}Of(new URL(import.meta.resolve(${path})), "utf8");`,
  );

/** Replaces `import.meta.main`, which Node 20 lacks, and which is false where `run_program.ts` imports a program. */
const withMain = (text: string) =>
  text.replaceAll("import.meta.main", "(globalThis.process.argv[1] === import.meta.filename)");

/** Builds everything in `folder`; returns the paths of the tests, from the root and as they are in the checkout. */
export async function build(folder: string): Promise<string[]> {
  const modules = await install("runtimes", { ...await importedPackages(), ...TOOLS });
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  await Deno.symlink(modules, join(folder, "node_modules"));
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const all = [...FILES, ...(await Promise.all(FOLDERS.map(filesBelow))).flat()];
  const sources = all.filter((path) => path.endsWith(".ts"));
  const options = ["--outbase=.", `--outdir=${folder}`, "--format=esm", "--target=node20"];
  const attributes = "--supported:import-attributes=true";
  const args = [...sources, ...options, attributes, "--sourcemap=inline", "--log-level=warning"];
  await run(join(modules, ".bin/esbuild"), args, ROOT);
  for (const path of sources.map((path) => join(folder, path.replace(/\.ts$/, ".js")))) {
    const built = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, withExtension(withoutTextImports(withMain(built))));
  }
  const runtime = join(folder, "src/runtime/mod.js");
  await Deno.writeTextFile(
    runtime,
    (await Deno.readTextFile(runtime)).replace('"./deno.js"', '"./node.js"'),
  );
  for (const path of all.filter((path) => !path.endsWith(".ts"))) {
    await Deno.mkdir(join(folder, dirname(path)), { recursive: true });
    await Deno.copyFile(join(ROOT, path), join(folder, path));
  }
  return sources.filter((path) => path.startsWith("tests/") && path.endsWith("_test.ts")).sort();
}
