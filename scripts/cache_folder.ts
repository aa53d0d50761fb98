/**
 * Where scripts keep what they have downloaded and built.
 *
 * @module
 */

import { join } from "node:path";

/**
 * Returns the folder `vrpc/NAME` of this user's cache (`$XDG_CACHE_HOME` or `~/.cache`). Throws an Error without a home:
 * a folder that others can write to must not hold programs that are run.
 */
export function cacheFolder(...name: string[]): string {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home ? join(home, ".cache") : undefined);
  if (cache === undefined) {
    throw new Error("Cannot find this user's cache folder: set HOME or XDG_CACHE_HOME");
  }
  return join(cache, "vrpc", ...name);
}
