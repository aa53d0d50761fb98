/**
 * Builds the npm package in `build/npm` from the sources that JSR gets: ES modules with types and source maps, for
 * Node 20.16 and later and Bun. The runtime is Node's, and syntax that Node 20 lacks (`using`) is lowered. Then builds
 * the package `@vrpc/grpc-js` in `build/npm-grpc-js`.
 *
 *     deno task build:npm
 *
 * @module
 */

import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { readArguments } from "../arguments.ts";
import { cacheFolder } from "../cache_folder.ts";
import { needsOf } from "../compile/sources.ts";
import { buildCli } from "./cli.ts";
import { buildGrpcJs } from "./grpc_js.ts";
import { commit } from "../commit.ts";
import { run } from "../commands.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD = join(ROOT, "build/npm");
const USAGE = `
deno task build:npm
`;
const NODE = ">=20.16";
const SOURCES = ["mod.ts", "src", "proto/gen"];
const TYPES = { "@types/node": "^24.0.0" };
/** Types of what the sources use and TypeScript does not know. */
const AMBIENT = "ambient.d.ts";
/** Sub-paths that are left out: the programs are in `bin`. */
const DENO_ONLY = ["./cli"];
/** File with the commit; see `cmd/shared/version.ts`. */
const COMMIT = "build/commit.txt";
/** Packages that only some sub-paths import; users of these install them. */
const OPTIONAL = ["@bufbuild/protovalidate", "@grpc/proto-loader"];
const COMPILER = { esbuild: "^0.28.0", typescript: "~5.9.0" };

interface DenoConfig {
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** All files below a path of the checkout, as paths from its root. */
async function filesBelow(path: string): Promise<string[]> {
  if ((await Deno.stat(join(ROOT, path))).isFile) return [path];
  const files: string[] = [];
  for await (const { name } of Deno.readDir(join(ROOT, path))) {
    files.push(...await filesBelow(join(path, name)));
  }
  return files;
}

/** Specifiers of a source, without those in comments. */
function specifiers(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "");
  const imports = /^(?:import|export)\b[^"';]*?\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...code.matchAll(imports)].map(([, named, loaded]) => named ?? loaded);
}

/** Returns a source as the package has it: with Node as its runtime. */
function packaged(path: string, source: string): string {
  return path === "src/runtime/mod.ts" ? source.replace('"./deno.ts"', '"./node.ts"') : source;
}

/** Copies the sources that the entry points reach; returns the packages that they import. */
async function copySources(entries: readonly string[]): Promise<string[]> {
  const all = new Set((await Promise.all(SOURCES.map(filesBelow))).flat());
  const reached = new Set<string>();
  const packages = new Set<string>();
  const visit = async (path: string) => {
    if (reached.has(path)) return;
    if (!all.has(path)) throw new Error(`${path} is imported, but no part of the package`);
    reached.add(path);
    const source = packaged(path, await Deno.readTextFile(join(ROOT, path)));
    await Deno.mkdir(join(BUILD, dirname(path)), { recursive: true });
    await Deno.writeTextFile(join(BUILD, path), source);
    for (const name of specifiers(source)) {
      if (name.startsWith(".")) await visit(join(dirname(path), name));
      else if (!name.startsWith("node:")) packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(name)![0]);
    }
  };
  for (const entry of entries) await visit(entry);
  return [...packages].sort();
}

/** Returns the version of a package as the import map has it. */
function versionOf(config: DenoConfig, name: string): string {
  const target = config.imports[name];
  if (target === undefined) throw new Error(`deno.json does not import ${name}`);
  return target.slice(target.lastIndexOf("@") + 1);
}

/** Returns the packages that the programs import, with their versions; they become parts of the programs. */
async function packagesOfPrograms(config: DenoConfig): Promise<Record<string, string>> {
  const { packages } = await needsOf("cmd/cli.ts");
  const versions: Record<string, string> = {};
  for (const name of packages.filter((one) => /^[@\w][\w./-]*$/.test(one))) {
    const key = Object.keys(config.imports).find((one) =>
      name === one || name.startsWith(`${one}/`)
    );
    const found = /^npm:(@?[^@]+)@([^/]+)/.exec(config.imports[key ?? ""] ?? "");
    if (found === null) throw new Error(`deno.json does not import ${name}`);
    versions[found[1]] = found[2];
  }
  return versions;
}

function packageOf(config: DenoConfig, packages: readonly string[]) {
  const versions = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, versionOf(config, name)]));
  const exports = Object.entries(config.exports).map(([name, path]) => {
    const built = `./dist/${relative(".", path).replace(/\.ts$/, "")}`;
    return [name, { types: `${built}.d.ts`, default: `${built}.js` }];
  });
  return {
    name: "@vrpc/vrpc",
    version: config.version,
    description: "gRPC and a lean binary protocol for Node, Bun and Deno",
    license: config.license,
    type: "module",
    // The entry point says what loads the adapter for grpc-js.
    sideEffects: ["./dist/mod.js"],
    engines: { node: NODE },
    bin: { vrpc: "./dist/cli/vrpc.js" },
    exports: { ...Object.fromEntries(exports), "./package.json": "./package.json" },
    files: ["dist", COMMIT, ...SOURCES],
    dependencies: versions(packages.filter((name) => !OPTIONAL.includes(name))),
    peerDependencies: versions(OPTIONAL),
    peerDependenciesMeta: Object.fromEntries(OPTIONAL.map((name) => [name, { optional: true }])),
  };
}

/** Options of the compiler: the library is that of Node 20, so that newer functions are errors. */
function compilerOptions(tools: string) {
  return {
    target: "ES2022",
    lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    types: ["node"],
    typeRoots: [join(tools, "node_modules/@types")],
    module: "NodeNext",
    strict: true,
    noImplicitOverride: true,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: true,
    declaration: true,
    declarationMap: true,
    sourceMap: true,
    rootDir: ".",
    outDir: "dist",
    skipLibCheck: true,
    resolveJsonModule: true,
  };
}

/** Installs the compiler and the package's dependencies beside it; returns their folder. */
async function installTools(dependencies: Readonly<Record<string, string>>): Promise<string> {
  const folder = cacheFolder("npm-build");
  await Deno.mkdir(folder, { recursive: true });
  const manifest = JSON.stringify({
    private: true,
    dependencies: { ...dependencies, ...TYPES, ...COMPILER },
  });
  const path = join(folder, "package.json");
  if (await Deno.readTextFile(path).catch(() => "") !== manifest) {
    await Deno.writeTextFile(path, manifest);
    await run("npm", ["install", "--no-audit", "--no-fund", "--silent"], folder);
  }
  return folder;
}

/** Declarations keep the extension of sources, which TypeScript resolves only where sources are. */
async function rewriteDeclarations(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await rewriteDeclarations(path);
    if (!name.endsWith(".d.ts")) continue;
    const text = await Deno.readTextFile(path);
    const rewritten = text.replace(/((?:from|import)\s*\(?\s*"\.[^"]+)\.ts"/g, '$1.js"');
    await Deno.writeTextFile(path, rewritten);
  }
}

readArguments(USAGE, {});
const read: DenoConfig = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
const config: DenoConfig = {
  ...read,
  exports: Object.fromEntries(
    Object.entries(read.exports).filter(([name]) => !DENO_ONLY.includes(name)),
  ),
};
await Deno.remove(BUILD, { recursive: true }).catch(() => {});
await Deno.mkdir(BUILD, { recursive: true });
const packages = await copySources(Object.values(config.exports).map((path) => join(".", path)));
const manifest = packageOf(config, packages);
await Deno.writeTextFile(join(BUILD, "package.json"), JSON.stringify(manifest, null, 2) + "\n");
for (const name of ["README.md", "LICENSE"]) {
  await Deno.copyFile(join(ROOT, name), join(BUILD, name));
}
const tools = await installTools({
  ...manifest.dependencies,
  ...manifest.peerDependencies,
  ...await packagesOfPrograms(config),
});
const link = join(BUILD, "node_modules");
await Deno.symlink(join(tools, "node_modules"), link);
try {
  await Deno.copyFile(new URL(AMBIENT, import.meta.url), join(BUILD, AMBIENT));
  await Deno.writeTextFile(
    join(BUILD, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: compilerOptions(tools),
      files: [...Object.values(config.exports), AMBIENT],
    }),
  );
  await run("node", [join(tools, "node_modules/typescript/lib/tsc.js"), "-p", BUILD], BUILD);
} finally {
  await Deno.remove(link);
  for (const name of ["tsconfig.json", AMBIENT]) {
    await Deno.remove(join(BUILD, name)).catch(() => {});
  }
}
await rewriteDeclarations(join(BUILD, "dist"));
const esbuild = async (args: readonly string[], folder: string) => {
  await run(join(tools, "node_modules/.bin/esbuild"), [...args], folder);
};
await buildCli({
  target: join(BUILD, "dist/cli"),
  tools,
  external: Object.keys(manifest.dependencies),
  packaged,
  esbuild,
});
await Deno.mkdir(join(BUILD, dirname(COMMIT)), { recursive: true });
await Deno.writeTextFile(join(BUILD, COMMIT), await commit());
console.log(`build/npm: @vrpc/vrpc ${manifest.version}, ${packages.length} dependencies`);
await buildGrpcJs({
  built: BUILD,
  target: join(ROOT, "build/npm-grpc-js"),
  version: manifest.version,
  license: manifest.license,
  node: NODE,
  bundle: async (entry, output) => {
    const options = ["--bundle", "--platform=node", "--target=node20", "--packages=external"];
    await esbuild([entry, `--outfile=${output}`, ...options, "--log-level=warning"], BUILD);
  },
}, manifest.dependencies);
console.log(`build/npm-grpc-js: @vrpc/grpc-js ${manifest.version}`);
