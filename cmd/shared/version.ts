/**
 * What `--version` prints.
 *
 * @module
 */

import { runtimeText } from "./runtime.ts";
import config from "../../deno.json" with { type: "json" };

/** File with the commit that a build was made of, from the root. */
const COMMIT = "build/commit.txt";

/**
 * Returns the version with the runtime and, in a checkout and in what was built from one, the commit:
 * `vrpc 0.1.0 (Deno 2.9.6, …), commit 0123abc`.
 */
export function versionText(): string {
  const runtime = `${runtimeText()}, ${Deno.build.os} ${Deno.build.arch}`;
  const root = new URL("../..", import.meta.url);
  const commit = commitOf(root) ?? builtFrom(root);
  return `vrpc ${config.version} (${runtime})${commit === undefined ? "" : `, commit ${commit}`}`;
}

/** Returns the commit of a checkout; undefined for anything else, and without the permission to read. */
function commitOf(root: URL): string | undefined {
  if (root.protocol !== "file:") return undefined;
  const folder = gitFolder(root);
  const head = textOf(new URL("HEAD", folder));
  const ref = /^ref: (.+)$/.exec(head ?? "")?.[1];
  return (ref === undefined ? head : commitOfRef(folder, ref))?.slice(0, 12);
}

/** Returns the folder with HEAD, whose URL ends with a slash; a linked work tree has a file in its place. */
function gitFolder(root: URL): URL {
  const link = /^gitdir: (.+)$/m.exec(textOf(new URL(".git", root)) ?? "");
  return new URL(`${link?.[1] ?? ".git"}/`, root);
}

/** Returns the commit of a branch, whose ref may be packed, and in a linked work tree is in the main one's folder. */
function commitOfRef(folder: URL, ref: string): string | undefined {
  const common = new URL(`${textOf(new URL("commondir", folder)) ?? "."}/`, folder);
  return textOf(new URL(ref, common)) ??
    textOf(new URL("packed-refs", common))?.split("\n").find((line) => line.endsWith(` ${ref}`))
      ?.split(" ")[0];
}

/** Returns the commit that a build without a checkout was made of. */
function builtFrom(root: URL): string | undefined {
  return root.protocol === "file:" ? textOf(new URL(COMMIT, root)) : undefined;
}

/** Returns the text of a file; undefined if it is empty or can't be read. */
function textOf(file: URL): string | undefined {
  try {
    return Deno.readTextFileSync(file).trim() || undefined;
  } catch {
    return undefined;
  }
}
