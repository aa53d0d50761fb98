/**
 * Builds `@vrpc/grpc-js` in `build/npm-grpc-js`: the sub-path `./grpc-js` of the package as one that can stand in for
 * `@grpc/grpc-js`, with its CommonJS, its declarations for every resolution of modules, and the paths below
 * `build/src` that programs import.
 *
 * @module
 */

import { dirname, join } from "node:path";

/** What the package is made of. */
export interface GrpcJsPackage {
  /** Folder of the built package `@vrpc/vrpc`. */
  readonly built: string;
  /** Folder that the package is written to. */
  readonly target: string;
  /** Version of both packages. */
  readonly version: string;
  readonly license: string;
  readonly node: string;
  /** Bundles a module and what it imports to CommonJS, except packages. */
  bundle(entry: string, output: string): Promise<void>;
}

const ENTRY = "src/grpc_js/mod";

/** Modules of grpc-js that programs import below `build/src`. Each has the whole interface here. */
const MODULES = [
  ...["call", "call-credentials", "call-interface", "channel", "channel-credentials"],
  ...["channel-options", "client", "client-interceptors", "compression-algorithms"],
  ...["connectivity-state", "constants", "deadline", "index", "logging", "make-client"],
  ...["metadata", "object-stream", "server", "server-call", "server-credentials"],
  ...["server-interceptors", "service-config", "status-builder", "tls-helpers"],
];

// Node 20.19, 22.12 and later load ES modules by `require`; the others get a bundle.
const COMMONJS = `"use strict";
const loaded = process.features.require_module || process.versions.bun
  ? require("@vrpc/vrpc/grpc-js")
  : require("./bundle.cjs");
// An ordinary object, because programs and instrumentations replace members.
module.exports = { ...loaded };
Object.defineProperty(module.exports, "__esModule", { value: true });
`;
const ES_MODULE = `import * as loaded from "@vrpc/vrpc/grpc-js";
export * from "@vrpc/vrpc/grpc-js";
export default { ...loaded };
`;
const ES_TYPES = `import * as loaded from "./index.js";
export * from "./index.js";
declare const all: typeof loaded;
export default all;
`;
// The modules name the enumerations as types, the index in lower camel case.
const RENAMED = [
  ["compressionAlgorithms", "CompressionAlgorithms"],
  ["connectivityState", "ConnectivityState"],
  ["logVerbosity", "LogVerbosity"],
  ["propagate", "Propagate"],
  ["status", "Status"],
  ["writeFlags", "WriteFlags"],
];
const DEEP = `"use strict";
const loaded = require("../../index.cjs");
module.exports = { ...loaded, ${RENAMED.map(([now, own]) => `${own}: loaded.${now}`).join(", ")} };
Object.defineProperty(module.exports, "__esModule", { value: true });
`;
const DEEP_TYPES = `export * from "../../index.js";
export { ${RENAMED.map(([now, own]) => `${now} as ${own}`).join(", ")} } from "../../index.js";
`;

/** Copies a declaration and those that it imports, without their maps. Returns the packages that they import. */
async function copyDeclarations(from: string, to: string, entry: string): Promise<Set<string>> {
  const packages = new Set<string>();
  const reached = new Set<string>();
  const visit = async (path: string) => {
    if (reached.has(path)) return;
    reached.add(path);
    const text = await Deno.readTextFile(join(from, path));
    await Deno.mkdir(join(to, dirname(path)), { recursive: true });
    await Deno.writeTextFile(join(to, path), text.replace(/^\/\/# sourceMappingURL=.*\n?/m, ""));
    const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, name] of code.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      if (name.startsWith(".")) {
        await visit(join(dirname(path), name.replace(/\.js$/, ".d.ts")));
      } else if (!name.startsWith("node:")) {
        packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(name)![0]);
      }
    }
  };
  await visit(`${entry}.d.ts`);
  return packages;
}

function manifestOf({ version, license, node }: GrpcJsPackage, dependencies: object): object {
  return {
    name: "@vrpc/grpc-js",
    version,
    description: "vrpc with the interface of @grpc/grpc-js, to be installed in its place",
    license,
    engines: { node },
    main: "./index.cjs",
    types: "./index.d.ts",
    exports: {
      ".": {
        import: { types: "./index.d.mts", default: "./index.mjs" },
        require: { types: "./index.d.ts", default: "./index.cjs" },
      },
      "./build/src/*.js": "./build/src/*.js",
      "./build/src/*": "./build/src/*.js",
      "./package.json": "./package.json",
    },
    files: ["index.*", "bundle.cjs", "build", "types"],
    dependencies,
  };
}

/** Builds the package. `dependencies` are those of `@vrpc/vrpc`, for the bundle. */
export async function buildGrpcJs(
  parts: GrpcJsPackage,
  dependencies: Readonly<Record<string, string>>,
): Promise<void> {
  const { built, target, version } = parts;
  await Deno.remove(target, { recursive: true }).catch(() => {});
  const deep = join(target, "build/src");
  await Deno.mkdir(deep, { recursive: true });
  const write = (name: string, text: string) => Deno.writeTextFile(join(target, name), text);
  const imported = await copyDeclarations(join(built, "dist"), join(target, "types"), ENTRY);
  const missing = [...imported].filter((name) => !(name in dependencies));
  if (missing.length > 0) throw new Error(`declarations import ${missing.join()}`);
  await parts.bundle(join(built, "dist", `${ENTRY}.js`), join(target, "bundle.cjs"));
  await write("index.cjs", COMMONJS);
  await write("index.mjs", ES_MODULE);
  await write("index.d.ts", `export * from "./types/${ENTRY}.js";\n`);
  await write("index.d.mts", ES_TYPES);
  for (const name of MODULES) {
    await Deno.writeTextFile(join(deep, `${name}.js`), DEEP);
    await Deno.writeTextFile(join(deep, `${name}.d.ts`), DEEP_TYPES);
  }
  const all = { "@vrpc/vrpc": version, ...dependencies };
  await write("package.json", JSON.stringify(manifestOf(parts, all), null, 2) + "\n");
  await write("README.md", README);
  await Deno.copyFile(join(built, "LICENSE"), join(target, "LICENSE"));
}

const README = `# @vrpc/grpc-js

[vrpc](https://www.npmjs.com/package/@vrpc/vrpc) with the interface of
[@grpc/grpc-js](https://www.npmjs.com/package/@grpc/grpc-js): programs, generated code and libraries
that import grpc-js run on vrpc's engine. In \`package.json\`:

    {
      "dependencies": { "@grpc/grpc-js": "npm:@vrpc/grpc-js" },
      "overrides": { "@grpc/grpc-js": "$@grpc/grpc-js" }
    }
`;
