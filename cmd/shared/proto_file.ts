/**
 * Types from `.proto` files and descriptor sets.
 *
 * @module
 */

import { basename, dirname, join, relative, resolve } from "node:path";
import config from "../../deno.json" with { type: "json" };
import {
  type CommentedTypes,
  type Types,
  typesOfFile,
} from "../../src/load/generate/method_source.ts";
import { errorLine, UsageError } from "./program.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

/** Longest run of buf, which may have to be downloaded first. */
const COMPILE_TIMEOUT_MS = 120_000;

/** Files to read types from. */
export interface ProtoFiles {
  /** `.proto` files, each relative to the working folder or to one of `imports`. */
  readonly protos: readonly string[];
  /** Folders that imports are relative to. Default: the folder of the first file. */
  readonly imports: readonly string[];
  /** Encoded descriptor sets. */
  readonly sets: readonly string[];
}

/** Reads a descriptor set, or compiles a `.proto` file with buf. Throws {@link UsageError}. */
export async function typesOfProto(path: string, imports?: string): Promise<Types> {
  const isSource = path.endsWith(".proto");
  return await typesOfFiles({
    protos: isSource ? [path] : [],
    imports: imports === undefined ? [] : [imports],
    sets: isSource ? [] : [path],
  }, "--proto");
}

/** Reads all files together, with their comments. `setFlag` names the option of the sets in errors. Throws {@link UsageError}. */
export async function typesOfFiles(
  { protos, imports, sets }: ProtoFiles,
  setFlag = "--protoset",
): Promise<CommentedTypes> {
  const encoded: Uint8Array[] = [];
  for (const path of sets) {
    const bytes = await orUsageError(path, setFlag, () => Deno.readFile(path));
    // Alone, so that the error names the file.
    await orUsageError(path, setFlag, () => typesOfFile(bytes));
    encoded.push(bytes);
  }
  if (protos.length > 0) {
    encoded.push(
      await orUsageError(protos.join(", "), "--proto", () => compile(protos, imports)),
    );
  }
  // Sets that follow each other are one set: its only field is a list.
  const all = await new Blob(encoded as Uint8Array<ArrayBuffer>[]).bytes();
  return await orUsageError([...protos, ...sets].join(", "), "--proto", () => typesOfFile(all));
}

async function orUsageError<T>(
  path: string,
  flag: string,
  body: () => T | Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : errorLine(error);
    throw new UsageError(`Cannot read ${path} (${flag}): ${reason}`);
  }
}

async function compile(
  protos: readonly string[],
  imports: readonly string[],
): Promise<Uint8Array> {
  const folders = imports.map((folder) => resolve(folder));
  const paths: string[] = [];
  for (const path of protos) paths.push(await located(path, folders));
  if (folders.length === 0) folders.push(dirname(paths[0]));
  if (!/^deno(\.exe)?$/.test(basename(Deno.execPath()))) {
    throw new Error(
      "only Deno can run the compiler of .proto files: pass a descriptor set " +
        "(buf build -o types.binpb, or protoc --include_imports --descriptor_set_out=types.binpb)",
    );
  }
  using temporary = new TemporaryFolder("vrpc-proto-");
  const out = join(temporary.path, "types.binpb");
  if (folders.length === 1) {
    await build(folders[0], paths, out);
  } else {
    const workspace = await workspaceOf(join(temporary.path, "workspace"), folders);
    await build(workspace, paths.map((path) => inWorkspace(workspace, path, folders)), out);
  }
  return await Deno.readFile(out);
}

/** Returns the full path of a file that is relative to the working folder or to one of `folders`. */
async function located(path: string, folders: readonly string[]): Promise<string> {
  for (const candidate of [resolve(path), ...folders.map((folder) => resolve(folder, path))]) {
    if (await Deno.stat(candidate).then(({ isFile }) => isFile, () => false)) return candidate;
  }
  throw new Deno.errors.NotFound();
}

/** Makes a workspace of buf in which each folder is a module, by links. */
async function workspaceOf(path: string, folders: readonly string[]): Promise<string> {
  await Deno.mkdir(path);
  for (const [i, folder] of folders.entries()) {
    await Deno.symlink(folder, join(path, `import${i}`), { type: "dir" });
  }
  const modules = folders.map((_, i) => `  - path: import${i}\n`).join("");
  await Deno.writeTextFile(join(path, "buf.yaml"), `version: v2\nmodules:\n${modules}`);
  return path;
}

/** Returns the path of a file in the workspace: below the innermost folder that contains it. */
function inWorkspace(workspace: string, path: string, folders: readonly string[]): string {
  const below = folders
    .map((folder, i) => ({ i, rest: relative(folder, path) }))
    .filter(({ rest }) => !rest.startsWith(".."))
    .sort((a, b) => a.rest.length - b.rest.length);
  if (below.length === 0) {
    throw new Error(`${path} is in none of the folders of --proto-path`);
  }
  return join(workspace, `import${below[0].i}`, below[0].rest);
}

async function build(input: string, paths: readonly string[], out: string): Promise<void> {
  const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-A",
      config.imports["@bufbuild/buf"],
      "build",
      input,
      ...paths.flatMap((path) => ["--path", path]),
      "--as-file-descriptor-set",
      "--output",
      out,
    ],
    signal: AbortSignal.timeout(COMPILE_TIMEOUT_MS),
    stdin: "null",
    stdout: "null",
    env: { NO_COLOR: "1" },
  }).output();
  if (signal !== null) throw new Error(`buf did not end within ${COMPILE_TIMEOUT_MS} ms`);
  if (code !== 0) {
    const text = new TextDecoder().decode(stderr).trim();
    throw new Error(text.split("\n").slice(0, 3).join("; ") || "buf could not compile it");
  }
}
