/**
 * Checks the npm package: builds and packs it, installs it from its tarball in a folder outside of the checkout, and
 * uses it there with Node and Bun. The last line is "N passed, N failed, N skipped".
 *
 *     deno task test:npm
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readArguments } from "../arguments.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(HERE, "../..");
const PACKAGE = join(ROOT, "build/npm");
const USAGE = `
deno task test:npm
`;
const TOOLS = {
  "@arethetypeswrong/cli": "0.18.5",
  "@types/node": "^24.0.0",
  bun: "1.4.5",
  publint: "0.3.25",
  typescript: "~5.9.0",
};
const OPTIONS = {
  target: "ES2022",
  lib: ["ESNext", "DOM"],
  types: ["node"],
  module: "NodeNext",
  strict: true,
};

/** Runs a program; throws an Error with what it printed if it fails. */
async function run(program: string, args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd }).output();
  const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${program} ${args.join(" ")} failed:\n${printed.slice(-4_000)}`);
  return printed;
}

/** Installs the tarball and the tools in `folder`, and compiles the program there. */
async function install(folder: string, tarball: string): Promise<void> {
  const manifest = {
    private: true,
    type: "module",
    dependencies: { "@vrpc/vrpc": `file:${tarball}`, ...TOOLS },
  };
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify(manifest));
  await run("npm", ["install", "--no-audit", "--no-fund", "--silent"], folder);
  for (const name of ["program.ts", "worker.ts"]) {
    await Deno.copyFile(join(HERE, name), join(folder, name));
  }
  const config = { compilerOptions: OPTIONS, files: ["program.ts", "worker.ts"] };
  await Deno.writeTextFile(join(folder, "tsconfig.json"), JSON.stringify(config));
}

async function check(folder: string): Promise<{ passed: number; failed: number }> {
  const bin = (name: string) => join(folder, "node_modules/.bin", name);
  let tarball = "";
  const steps: [string, () => Promise<unknown>][] = [
    ["build", () => run(Deno.execPath(), ["task", "build:npm"], ROOT)],
    ["pack", async () => {
      const args = ["pack", "--silent", "--pack-destination", folder];
      tarball = join(folder, (await run("npm", args, PACKAGE)).trim());
    }],
    ["publish, dry run", () => run("npm", ["publish", "--dry-run"], PACKAGE)],
    ["install", () => install(folder, tarball)],
    ["publint", () => run(bin("publint"), ["--strict"], PACKAGE)],
    // The package has no CommonJS: Node 20.16 and 22.12 load ES modules by `import` and `require`.
    ["are the types wrong", () => run(bin("attw"), [tarball, "--profile", "esm-only"], folder)],
    ["types of a program", () => run(bin("tsc"), ["-p", "."], folder)],
    ["program on Node", () => run("node", ["program.js"], folder)],
    ["program on Bun", () => run(bin("bun"), ["program.js"], folder)],
  ];
  let passed = 0;
  for (const [name, step] of steps) {
    const startMs = performance.now();
    try {
      await step();
    } catch (error) {
      console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
      // Later steps need what this one would have made.
      if (["build", "pack", "install", "types of a program"].includes(name)) break;
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
