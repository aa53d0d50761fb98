/**
 * Locks of directories: Node has no flock.
 *
 * A lock is a directory that holds one more, whose name is unique. A rename onto the first one succeeds only while it is
 * missing or empty, and a lock that was left behind is removed by its unique name: so a process that found it too late
 * cannot remove the lock of the process that has taken over.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync } from "node:fs";

// Age from which a lock counts as left behind, in ms: this library holds one for a few milliseconds.
const STALE_MS = 2_000;
/** Codes of a rename onto a directory that is not empty; Windows refuses each existing directory. */
const HELD = ["ENOTEMPTY", "EEXIST", "EPERM"];

/** Locks `folder` by a directory in it; undefined while another process holds the lock. */
// deno-lint-ignore require-await -- The functions of node:fs throw.
export async function tryLock(folder: string): Promise<Disposable | undefined> {
  const lock = `${folder}/.vrpc-lock`;
  const name = randomUUID();
  const own = `${lock}-${name}`;
  mkdirSync(own);
  mkdirSync(`${own}/${name}`);
  try {
    renameSync(own, lock);
    return { [Symbol.dispose]: () => remove(lock, name) };
  } catch (error) {
    remove(own, name);
    if (!HELD.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  for (const holder of holdersOf(lock)) if (isStale(`${lock}/${holder}`)) remove(lock, holder);
  return undefined;
}

/** Names of the holders, one at most; none if the lock was released. */
function holdersOf(lock: string): string[] {
  try {
    return readdirSync(lock);
  } catch {
    return [];
  }
}

function isStale(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs > STALE_MS;
  } catch {
    // It was released.
    return false;
  }
}

/** Removes a lock with its holder, and leaves one of another holder. */
function remove(lock: string, holder: string): void {
  for (const path of [`${lock}/${holder}`, lock]) {
    try {
      rmdirSync(path);
    } catch {
      // Another process has removed it, or holds the lock.
    }
  }
}
