/**
 * Checks the npm packages: builds and packs them, installs them from their tarballs in folders outside of the checkout,
 * and uses them there with Node and Bun. The last line is "N passed, N failed, N skipped".
 *
 *     deno task test:npm
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readArguments } from "../arguments.ts";
import { run } from "../commands.ts";
import { checkCli } from "./check_cli.ts";
import { copyExamples, portableExamples, reasonToSkip, runExample } from "./check_examples.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(HERE, "../..");
const PACKAGE = join(ROOT, "build/npm");
const GRPC_JS_PACKAGE = join(ROOT, "build/npm-grpc-js");
const USAGE = `
deno task test:npm
`;
const TOOLS = {
  "@arethetypeswrong/cli": "0.18.5",
  "@types/node": "^24.0.0",
  bun: "1.4.5",
  publint: "0.3.25",
  tsx: "^4.21.0",
  typescript: "~5.9.0",
};
const OPTIONS = {
  target: "ES2022",
  lib: ["ESNext", "DOM"],
  types: ["node"],
  module: "NodeNext",
  strict: true,
};

/** Packages that the examples import. */
const OF_EXAMPLES = [
  ...["@bufbuild/protobuf", "@bufbuild/protovalidate", "jose"],
  ...["@opentelemetry/api", "@opentelemetry/core", "@opentelemetry/sdk-trace"],
];

/** Name of a check, and the function that runs it. */
type Step = [string, () => Promise<unknown>];

/** Steps that make what later ones need. */
const NEEDED = [
  ...["build", "pack", "install", "types of a program"],
  ...["install in place of grpc-js", "generators, types"],
];

/** Programs with services of the generators for grpc-js, and the packages that they import. */
const GENERATORS = join(ROOT, "tests/compat/grpc_js/generators");
const GENERATED = [
  "grpc_tools.cjs",
  "nice_grpc.ts",
  "proto_loader.ts",
  "protobuf_ts.ts",
  "ts_proto.ts",
];
const GENERATED_IMPORT = [
  ...["@bufbuild/protobuf", "@grpc/proto-loader", "@protobuf-ts/grpc-backend"],
  ...["@protobuf-ts/grpc-transport", "@protobuf-ts/runtime", "@protobuf-ts/runtime-rpc"],
  ...["google-protobuf", "nice-grpc", "nice-grpc-common"],
];

/** Packages that the examples import. */
async function packagesOfExamples(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  return Object.fromEntries(
    OF_EXAMPLES.map((name) => [name, imports[name].replace(/^npm:.+@/, "")]),
  );
}

/** Installs the tarball and the tools in `folder`, and compiles the program there. */
async function install(folder: string, tarball: string): Promise<void> {
  const manifest = {
    private: true,
    type: "module",
    dependencies: { "@vrpc/vrpc": `file:${tarball}`, ...TOOLS, ...await packagesOfExamples() },
  };
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify(manifest));
  await run("npm", ["install", "--no-audit", "--no-fund", "--silent"], folder);
  for (const name of ["program.ts", "worker.ts"]) {
    await Deno.copyFile(join(HERE, name), join(folder, name));
  }
  const config = { compilerOptions: OPTIONS, files: ["program.ts", "worker.ts"] };
  await Deno.writeTextFile(join(folder, "tsconfig.json"), JSON.stringify(config));
}

/** Installs the programs of the generators in `folder`, with the tarballs of this project's packages. */
async function installGenerators(folder: string, vrpc: string, grpcJs: string): Promise<void> {
  await run("cp", ["-r", GENERATORS, folder], ROOT);
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const versions = GENERATED_IMPORT.map((name) => [name, imports[name].replace(/^npm:.+@/, "")]);
  const manifest = {
    private: true,
    type: "module",
    dependencies: {
      "@grpc/grpc-js": `file:${grpcJs}`,
      "@types/node": TOOLS["@types/node"],
      "@vrpc/vrpc": `file:${vrpc}`,
      ...Object.fromEntries(versions),
    },
    overrides: { "@grpc/grpc-js": "$@grpc/grpc-js", "@vrpc/vrpc": "$@vrpc/vrpc" },
  };
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify(manifest));
  await run("npm", ["install", "--no-audit", "--no-fund", "--silent"], folder);
  const config = {
    compilerOptions: { ...OPTIONS, rewriteRelativeImportExtensions: true },
    files: GENERATED.filter((name) => name.endsWith(".ts")),
  };
  await Deno.writeTextFile(join(folder, "tsconfig.json"), JSON.stringify(config));
}

/** Packs a package into `folder`; returns the path of the tarball. */
async function pack(source: string, folder: string): Promise<string> {
  const args = ["pack", "--silent", "--pack-destination", folder];
  return join(folder, (await run("npm", args, source)).trim());
}

/** Steps that run each example on Node and on Bun; says which are left out. */
async function exampleSteps(folder: string, bin: (name: string) => string): Promise<Step[]> {
  const commands = { node: [bin("tsx")], bun: [bin("bun"), "run"] };
  const nodeMajor = Number(/^v(\d+)/.exec(await run("node", ["--version"], folder))?.[1]);
  const steps: Step[] = [["examples, copy", () => copyExamples(folder)]];
  for (const runtime of ["node", "bun"] as const) {
    for (const name of await portableExamples()) {
      const reason = reasonToSkip(name, runtime, nodeMajor);
      if (reason !== undefined) {
        console.log(`skips example ${name} on ${runtime}, which lacks ${reason}`);
      } else {steps.push([`example ${name} on ${runtime}`, () =>
          runExample(commands[runtime], name, folder)]);}
    }
  }
  return steps;
}

async function check(folder: string): Promise<{ passed: number; failed: number }> {
  const bin = (name: string) => join(folder, "node_modules/.bin", name);
  let tarball = "";
  let grpcJs = "";
  const generators = join(folder, "generators");
  const steps: Step[] = [
    ["build", () => run(Deno.execPath(), ["task", "build:npm"], ROOT)],
    ["pack", async () => {
      tarball = await pack(PACKAGE, folder);
      grpcJs = await pack(GRPC_JS_PACKAGE, folder);
    }],
    ["publish, dry run", async () => {
      await run("npm", ["publish", "--dry-run"], PACKAGE);
      await run("npm", ["publish", "--dry-run"], GRPC_JS_PACKAGE);
    }],
    ["install", () => install(folder, tarball)],
    ["publint", async () => {
      await run(bin("publint"), ["--strict"], PACKAGE);
      await run(bin("publint"), ["--strict"], GRPC_JS_PACKAGE);
    }],
    // The package has no CommonJS: Node 20.16 and 22.12 load ES modules by `import` and `require`.
    ["are the types wrong", () => run(bin("attw"), [tarball, "--profile", "esm-only"], folder)],
    ["are the types wrong, grpc-js", () => run(bin("attw"), [grpcJs], folder)],
    ["types of a program", () => run(bin("tsc"), ["-p", "."], folder)],
    ["program on Node", () => run("node", ["program.js"], folder)],
    ["program on Bun", () => run(bin("bun"), ["program.js"], folder)],
    ["vrpc on Node", () => checkCli(["node", bin("vrpc")])],
    ["vrpc by npx", () => run("npx", ["vrpc", "--version"], folder)],
    ["vrpc on Bun", () => checkCli([bin("bun"), bin("vrpc")])],
    ...await exampleSteps(folder, bin),
    ["install in place of grpc-js", () => installGenerators(generators, tarball, grpcJs)],
    ["generators, types", () => run(bin("tsc"), ["-p", generators], folder)],
    ...GENERATED.map((name): Step => [
      `generators, ${name} on Node`,
      () => run("node", [name.replace(/\.ts$/, ".js")], generators),
    ]),
    [
      "generators, CommonJS that cannot require ES modules",
      () => run("node", ["--no-experimental-require-module", "grpc_tools.cjs"], generators),
    ],
    ["generators, grpc_tools.cjs on Bun", () => run(bin("bun"), ["grpc_tools.cjs"], generators)],
  ];
  let passed = 0;
  for (const [name, step] of steps) {
    const startMs = performance.now();
    try {
      await step();
    } catch (error) {
      console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
      // Later steps need what this one would have made.
      if (NEEDED.includes(name)) break;
      continue;
    }
    passed++;
    console.log(`ok     ${name} (${((performance.now() - startMs) / 1000).toFixed(1)} s)`);
  }
  return { passed, failed: steps.length - passed };
}

readArguments(USAGE, {});
const hasNpm = await run("npm", ["--version"], ROOT).then(() => true, () => false);
if (!hasNpm) {
  console.log("skipped: this machine has no npm\n0 passed, 0 failed, 1 skipped");
  Deno.exit(0);
}
const folder = await Deno.makeTempDir({ prefix: "vrpc-npm-" });
try {
  const { passed, failed } = await check(folder);
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  Deno.exitCode = failed === 0 ? 0 : 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
