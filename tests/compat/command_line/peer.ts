/**
 * A server of grpc-go for the command line's features, built from `peer/` into this user's cache.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../../../scripts/cache_folder.ts";
import type { Processes } from "../../fixtures/processes.ts";
import type { Addresses } from "./server.ts";

const program = () => join(cacheFolder("command-line"), "peer");

/** Builds the server with `go`, for {@link builtPeer}. */
export async function buildPeer(): Promise<string> {
  const path = program();
  await Deno.mkdir(cacheFolder("command-line"), { recursive: true });
  const { code, stderr } = await new Deno.Command("go", {
    args: ["build", "-buildvcs=false", "-o", path, "."],
    cwd: join(import.meta.dirname!, "peer"),
  }).output();
  if (code !== 0) throw new Error(`go build failed: ${new TextDecoder().decode(stderr)}`);
  return path;
}

/** Returns the path of the server that was built before; undefined if none was. */
export function builtPeer(): string | undefined {
  try {
    const path = program();
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Starts the server, which reads `ca`, `cert` and `key` in `folder`. */
export async function startPeer(
  processes: Processes,
  path: string,
  folder: string,
): Promise<Addresses> {
  const peer = processes.start([path, folder]);
  const plain = (await peer.line(/^plain (\S+)$/))[1];
  const tls = (await peer.line(/^tls (\S+)$/))[1];
  const mtls = (await peer.line(/^mtls (\S+)$/))[1];
  const unix = `unix:${(await peer.line(/^unix (\S+)$/))[1]}`;
  await peer.line(/^ready$/);
  return { plain, tls, mtls, unix };
}
