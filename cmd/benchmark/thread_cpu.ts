/**
 * CPU time of the current thread.
 *
 * @module
 */

import process from "node:process";

/** Returns the CPU time of this thread, user and system, in ms; undefined where it can't be read. */
export function threadCpuMs(): number | undefined {
  try {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  } catch {
    return undefined;
  }
}
