/**
 * Copies of the sources of peers, in folders named by their content.
 *
 * @module
 */

import { basename, join } from "node:path";

const encoder = new TextEncoder();

/**
 * Copies `files` of `from`, without their folders, into a folder of `to` whose name is a hash of their names and contents,
 * and returns it. So checkouts with different files share no folder, and a file that is gone stays in no build.
 */
export async function copySources(from: string, to: string, files: string[]): Promise<string> {
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const content = await Deno.readFile(join(from, file));
    parts.push(encoder.encode(`${basename(file)} ${content.length}\n`), content);
  }
  const joined = await new Blob(parts as BlobPart[]).bytes();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
  const folder = join(to, digest.toHex().slice(0, 16));
  await Deno.mkdir(folder, { recursive: true });
  for (const file of files) await Deno.copyFile(join(from, file), join(folder, basename(file)));
  return folder;
}
