/**
 * Types from a `.proto` file or a descriptor set.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { type Types, typesOfFile } from "../../src/load/generate/method_source.ts";
import { errorLine, UsageError } from "../shared/program.ts";
import { TemporaryFolder } from "../shared/temporary_folder.ts";

/** Longest run of buf, which may have to be downloaded first. */
const COMPILE_TIMEOUT_MS = 120_000;

/** Reads a descriptor set, or compiles a `.proto` file with buf. Throws {@link UsageError}. */
export async function typesOfProto(path: string, imports?: string): Promise<Types> {
  try {
    const bytes = path.endsWith(".proto")
      ? await compile(resolve(path), imports === undefined ? undefined : resolve(imports))
      : await Deno.readFile(path);
    return typesOfFile(bytes);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : errorLine(error);
    throw new UsageError(`Cannot read ${path} (--proto): ${reason}`);
  }
}

async function compile(path: string, imports = dirname(path)): Promise<Uint8Array> {
  await Deno.stat(path);
  if (!/^deno(\.exe)?$/.test(basename(Deno.execPath()))) {
    throw new Error(
      "this compiled program cannot read .proto files: pass a descriptor set " +
        "(buf build -o types.binpb, or protoc --include_imports --descriptor_set_out=types.binpb)",
    );
  }
  using folder = new TemporaryFolder("vrpc-proto-");
  const out = join(folder.path, "types.binpb");
  const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-A",
      config.imports["@bufbuild/buf"],
      "build",
      imports,
      "--path",
      path,
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
  return await Deno.readFile(out);
}
