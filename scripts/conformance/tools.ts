/**
 * Third-party suites at fixed versions, built by `go install` in a cache folder outside the checkout.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../cache_folder.ts";
import { capture } from "./process.ts";

/** Folder of tools, logs and generated files. */
export const CACHE = Deno.env.get("VRPC_CONFORMANCE_CACHE") ?? cacheFolder();

/** Root of the checkout. */
export const ROOT = new URL("../..", import.meta.url).pathname;

/** Program built by `go install`. */
export interface Tool {
  /** Name of the program. */
  readonly name: string;
  /** Go package. */
  readonly path: string;
  /** Version of the module. */
  readonly version: string;
}

const tool = (name: string, path: string, version: string): Tool => ({ name, path, version });

const CONFORMANCE_MODULE = "connectrpc.com/conformance";
const CONFORMANCE_VERSION = "v1.0.6";

/** Tools of the stages. */
export const TOOLS = {
  h2spec: tool("h2spec", "github.com/summerwind/h2spec/cmd/h2spec", "v2.2.1+incompatible"),
  h2specd: tool("h2specd", "github.com/summerwind/h2spec/cmd/h2specd", "v2.2.1+incompatible"),
  connectconformance: tool(
    "connectconformance",
    `${CONFORMANCE_MODULE}/cmd/connectconformance`,
    CONFORMANCE_VERSION,
  ),
  interopClient: tool("client", "google.golang.org/grpc/interop/client", "v1.85.0"),
  interopServer: tool("server", "google.golang.org/grpc/interop/server", "v1.85.0"),
  grpcurl: tool("grpcurl", "github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.4"),
  ghz: tool("ghz", "github.com/bojand/ghz/cmd/ghz", "v0.93.0"),
} as const;

/** Installs a tool unless it is cached; returns the path of the program. */
export async function install(tool: Tool): Promise<string> {
  // One folder per version.
  const folder = join(CACHE, "bin", `${tool.path.replaceAll("/", "_")}@${tool.version}`);
  const program = join(folder, tool.name);
  try {
    await Deno.stat(program);
    return program;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(folder, { recursive: true });
  const { code, output } = await capture(["go", "install", `${tool.path}@${tool.version}`], {
    env: { GOBIN: folder },
    cwd: folder,
    limitMs: 600_000,
  });
  if (code !== 0) throw new Error(`Cannot install ${tool.path}@${tool.version}: ${output}`);
  return program;
}

/** Compiles the Connect suite's `.proto` files to a descriptor set and returns its path. */
export async function conformanceProtos(): Promise<string> {
  const file = join(CACHE, `conformance-${CONFORMANCE_VERSION}.binpb`);
  try {
    await Deno.stat(file);
    return file;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await Deno.mkdir(CACHE, { recursive: true });
  // Downloads the module, unless it is cached, and prints its path.
  const download = await capture([
    "go",
    "mod",
    "download",
    "-json",
    `${CONFORMANCE_MODULE}@${CONFORMANCE_VERSION}`,
  ], { cwd: CACHE, limitMs: 300_000, stdoutOnly: true });
  const folder: string = JSON.parse(download.output).Dir;
  const imports = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))).imports;
  const { code, output } = await capture([
    Deno.execPath(),
    "run",
    "--quiet",
    "-A",
    imports["@bufbuild/buf"],
    "build",
    join(folder, "proto"),
    "-o",
    file,
  ], { cwd: CACHE, limitMs: 300_000 });
  if (code !== 0) throw new Error(`Cannot compile the protos of ${CONFORMANCE_MODULE}: ${output}`);
  return file;
}
