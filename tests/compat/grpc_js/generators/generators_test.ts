/**
 * Runs services of the generators for grpc-js on the adapter: `@grpc/grpc-js` is replaced, also where packages import it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";

const HERE = import.meta.dirname!;
const ROOT = join(HERE, "../../../..");
const ADAPTER = join(ROOT, "src/grpc_js/mod.ts");
const PROGRAMS = [
  "grpc_tools.cjs",
  "nice_grpc.ts",
  "proto_loader.ts",
  "protobuf_ts.ts",
  "ts_proto.ts",
];

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else if (!name.endsWith("_test.ts")) await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** Runs Deno in a folder; returns what it printed. */
async function deno(folder: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    // The folder has a configuration of its own.
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
  });
  const { success, stdout, stderr } = await command.output();
  const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, printed);
  return printed;
}

/** Copies the programs to a folder in which the package `@grpc/grpc-js` is the adapter. */
async function prepare(folder: string): Promise<string> {
  const programs = join(folder, "programs");
  await copyFolder(HERE, programs);
  const linked = join(folder, "linked");
  await Deno.mkdir(linked);
  const manifest = {
    name: "@grpc/grpc-js",
    version: "1.99.0",
    type: "module",
    exports: { ".": "./index.js", "./build/src/*": "./index.js" },
  };
  await Deno.writeTextFile(join(linked, "package.json"), JSON.stringify(manifest));
  const adapter = `export * from ${JSON.stringify(`file://${ADAPTER}`)};\n`;
  await Deno.writeTextFile(join(linked, "index.js"), adapter);
  const { imports, unstable } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const config = { unstable, imports, nodeModulesDir: "auto", links: ["../linked"] };
  await Deno.writeTextFile(join(programs, "deno.json"), JSON.stringify(config));
  return programs;
}

Deno.test("services of the generators for grpc-js run on the adapter", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "vrpc-generators-" });
  try {
    const programs = await prepare(folder);
    await deno(programs, "install", "--quiet", "--no-lock");
    for (const program of PROGRAMS) {
      await t.step(program, async () => {
        // Packages below node_modules can only load sources that are prepared.
        const flags = ["--quiet", "--no-lock", "--no-check", "-A", `--preload=${ADAPTER}`];
        assert.match(await deno(programs, "run", ...flags, program), /^all checks passed$/m);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
