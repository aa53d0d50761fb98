/**
 * The commit that is built.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Returns the first 12 digits of the checkout's commit; empty without a checkout. */
export async function commit(): Promise<string> {
  try {
    const git = new Deno.Command("git", { args: ["rev-parse", "HEAD"], cwd: ROOT });
    const { success, stdout } = await git.output();
    return success ? new TextDecoder().decode(stdout).slice(0, 12) : "";
  } catch {
    return "";
  }
}
