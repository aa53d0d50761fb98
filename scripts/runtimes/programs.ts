/**
 * Programs of Node and Bun.
 *
 * @module
 */

import { join } from "node:path";
import { run } from "../commands.ts";
import { install } from "./build.ts";
import type { RuntimeName } from "./skips.ts";

const BUN = "1.4.5";

/**
 * Returns the path of Bun from npm, of the node on the PATH, or of a version of Node from npm. Rejects if this machine
 * cannot have it.
 */
export async function programOf(
  runtime: RuntimeName,
  version: string | undefined,
): Promise<string> {
  if (runtime === "bun") return join(await install("bun", { bun: BUN }), ".bin/bun");
  if (version === undefined) return (await run("node", ["-p", "process.execPath"], ".")).trim();
  return join(await install(`node-${version}`, { node: version }), "node/bin/node");
}
