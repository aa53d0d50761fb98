/**
 * Locks of directories: Node has no flock.
 *
 * @module
 */

import { mkdirSync, rmdirSync, statSync } from "node:fs";

// Age from which a lock counts as left behind, in ms: this library holds one for a few milliseconds.
const STALE_MS = 2_000;

/** Locks `folder` by a directory in it; undefined while another process holds the lock. */
// deno-lint-ignore require-await -- The function of node:fs throws.
export async function tryLock(folder: string): Promise<Disposable | undefined> {
  const path = `${folder}/.vrpc-lock`;
  try {
    mkdirSync(path);
    return { [Symbol.dispose]: () => remove(path) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (isStale(path)) remove(path);
  return undefined;
}

function isStale(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs > STALE_MS;
  } catch {
    // It was released.
    return true;
  }
}

function remove(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Another process has removed it.
  }
}
