/**
 * What `vrpc --version` prints.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runtimeText } from "../shared/runtime.ts";
import config from "../../deno.json" with { type: "json" };

/** File with the commit that a build was made of, from the root. */
const COMMIT = "build/commit.txt";

/**
 * Returns the version with the runtime and, in a checkout and in what was built from one, the commit:
 * `vrpc 0.1.0 (Deno 2.9.6, …), commit 0123abc`.
 */
export async function versionText(): Promise<string> {
  const runtime = `${runtimeText()}, ${Deno.build.os} ${Deno.build.arch}`;
  const root = new URL("../..", import.meta.url);
  const commit = await commitOf(root) ?? await builtFrom(root);
  return `vrpc ${config.version} (${runtime})${commit === undefined ? "" : `, commit ${commit}`}`;
}

/** Returns the commit of a checkout; undefined for anything else, and without the permission to read. */
async function commitOf(root: URL): Promise<string | undefined> {
  if (root.protocol !== "file:") return undefined;
  try {
    const folder = await gitFolder(fileURLToPath(root));
    const head = (await Deno.readTextFile(join(folder, "HEAD"))).trim();
    const ref = /^ref: (.+)$/.exec(head)?.[1];
    return (ref === undefined ? head : await commitOfRef(folder, ref))?.slice(0, 12);
  } catch {
    return undefined;
  }
}

/** Returns the folder with HEAD; a linked work tree has a file in its place. */
async function gitFolder(root: string): Promise<string> {
  const path = join(root, ".git");
  if ((await Deno.stat(path)).isDirectory) return path;
  const link = /^gitdir: (.+)$/m.exec(await Deno.readTextFile(path));
  if (link === null) throw new Error(`${path} names no folder`);
  return link[1];
}

/** Returns the commit of a branch, whose ref may be packed, and in a linked work tree is in the main one's folder. */
async function commitOfRef(folder: string, ref: string): Promise<string | undefined> {
  const common = await Deno.readTextFile(join(folder, "commondir"))
    .then((path) => join(folder, path.trim()), () => folder);
  const loose = await Deno.readTextFile(join(common, ref)).catch(() => undefined);
  if (loose !== undefined) return loose.trim();
  const packed = await Deno.readTextFile(join(common, "packed-refs"));
  return packed.split("\n").find((line) => line.endsWith(` ${ref}`))?.split(" ")[0];
}

/** Returns the commit that a build without a checkout was made of. */
async function builtFrom(root: URL): Promise<string | undefined> {
  if (root.protocol !== "file:") return undefined;
  try {
    return (await Deno.readTextFile(new URL(COMMIT, root))).trim() || undefined;
  } catch {
    return undefined;
  }
}
