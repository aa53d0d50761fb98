/**
 * CPU time of the thread that asks.
 *
 * @module
 */

import process from "node:process";

/** CPU time that this thread has used so far, user and system, in ms; undefined where it can't be read. */
export function threadCpuMs(): number | undefined {
  try {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  } catch {
    return undefined;
  }
}
