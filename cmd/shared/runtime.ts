/**
 * The runtime that a program runs on.
 *
 * @module
 */

import process from "node:process";

type Versions = Readonly<Record<string, string | undefined>>;

/** First version of Node with `reusePort`. */
const NODE_SINCE = [22, 12];

/** Returns the runtime and its engine, for example `Deno 2.9.6, V8 14.9.207.2-rusty`. */
export function runtimeText({ bun, deno, node, v8 }: Versions = process.versions): string {
  if (bun) return `Bun ${bun}`;
  return `${deno ? `Deno ${deno}` : `Node ${node}`}, V8 ${v8}`;
}

/** Whether several threads can listen on a TCP port, each with a socket of its own (SO_REUSEPORT). */
export function sharesPorts({ bun, deno, node }: Versions = process.versions): boolean {
  if (deno || bun) return deno !== undefined;
  const [major, minor] = (node ?? "0.0").split(".").map(Number);
  return major > NODE_SINCE[0] || (major === NODE_SINCE[0] && minor >= NODE_SINCE[1]);
}
