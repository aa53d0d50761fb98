/**
 * Folders in which the npm package `@grpc/grpc-js` is the adapter, for programs of others that run on Node.
 *
 * @module
 */

import { join } from "node:path";

const ROOT = join(import.meta.dirname!, "../../../..");

/** Runs a program to its end; returns what it printed, and whether it succeeded. */
export async function runProgram(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ success: boolean; text: string }> {
  const command = new Deno.Command(program, { args: [...args], cwd, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, text } = await runProgram(program, args, cwd);
  if (!success) throw new Error(`${program} ${args.join(" ")} failed:\n${text.slice(-4_000)}`);
  return text;
}

/** Packs a built package into `folder`; returns the path of the tarball. */
async function pack(name: string, folder: string): Promise<string> {
  const args = ["pack", "--silent", "--pack-destination", folder];
  return join(folder, (await run("npm", args, join(ROOT, "build", name))).trim());
}

/** Copies a folder with all that is in it. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (name === "node_modules") continue;
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else if (isFile) await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** Builds this project's packages, and installs them and others in a folder. */
export async function installAdapter(
  folder: string,
  dependencies: Readonly<Record<string, string>>,
): Promise<void> {
  await run(Deno.execPath(), ["task", "build:npm"], ROOT);
  const vrpc = await pack("npm", folder);
  const grpcJs = await pack("npm-grpc-js", folder);
  const manifest = {
    private: true,
    dependencies: {
      ...dependencies,
      "@vrpc/vrpc": `file:${vrpc}`,
      "@grpc/grpc-js": `file:${grpcJs}`,
    },
    overrides: { "@vrpc/vrpc": "$@vrpc/vrpc", "@grpc/grpc-js": "$@grpc/grpc-js" },
  };
  await Deno.writeTextFile(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  await run("npm", ["install", "--no-audit", "--no-fund"], folder);
}
