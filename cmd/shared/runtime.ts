/**
 * The runtime that a program runs on.
 *
 * @module
 */

type Versions = Readonly<Record<string, string | undefined>>;

/** Versions of the runtime and its parts. The import of node:process would be a part of each start, as of a server's. */
function currentVersions(): Versions {
  return (globalThis as unknown as { process: { versions: Versions } }).process.versions;
}

/** First version of Node with `reusePort`. */
const NODE_SINCE = [22, 12];

/** Returns the runtime and its engine, for example `Deno 2.9.6, V8 14.9.207.2-rusty`. */
export function runtimeText({ bun, deno, node, v8 }: Versions = currentVersions()): string {
  if (bun) return `Bun ${bun}`;
  return `${deno ? `Deno ${deno}` : `Node ${node}`}, V8 ${v8}`;
}

/** Whether several threads can listen on a TCP port, each with a socket of its own (SO_REUSEPORT). */
export function sharesPorts({ bun, deno, node }: Versions = currentVersions()): boolean {
  if (deno || bun) return deno !== undefined;
  const [major, minor] = (node ?? "0.0").split(".").map(Number);
  return major > NODE_SINCE[0] || (major === NODE_SINCE[0] && minor >= NODE_SINCE[1]);
}
