/**
 * Checks of Deno's version, and of its flags for unstable features. The use of a feature without its flag would end the
 * process.
 *
 * @module
 */

import type { Feature } from "../types.ts";

/** Names the flag or the version of Deno that a feature needs, if it is missing. */
export async function lacksFeature(feature: Feature): Promise<string | undefined> {
  if (feature === "vsock") {
    return await (vsockEnabled ??= probe("--unstable-vsock")) === false
      ? missing("vsock")
      : undefined;
  }
  if (feature === "tlsServer") {
    const { Server } = await import("node:tls");
    // The servers of Deno 2.6 accept no streams, and never request the certificates of clients.
    return "addContext" in Server.prototype
      ? undefined
      : `Deno ${Deno.version.deno} has no TLS servers on streams; use Deno 2.7.14 or later`;
  }
  // The runtime defines this function only with the flag.
  return "listenDatagram" in Deno ? undefined : missing("net");
}

function missing(name: string): string {
  return `Deno's flag --unstable-${name} is missing; ` +
    `run deno with it, or add "unstable": ["${name}"] to deno.json`;
}

let vsockEnabled: Promise<boolean | undefined> | undefined;

/**
 * Whether `flag` is set, by command line or deno.json; undefined if that can't be determined.
 *
 * The vsock flag doesn't change the runtime's API. But `fork` passes the parent's unstable flags to the child and
 * shows them in `spawnargs`, even if the program can't be started: its path can't exist here, so no process starts.
 */
async function probe(flag: string): Promise<boolean | undefined> {
  const path = "/dev/null/none";
  const { state } = Deno.permissions.querySync({ name: "run", command: path });
  // In the permission state `prompt`, `fork` would prompt the user.
  if (state === "prompt" && Deno.stdin.isTerminal()) return undefined;
  const { fork } = await import("node:child_process");
  try {
    // NODE_V8_COVERAGE is given, because `fork` would otherwise read it from the environment, which may need a permission.
    const child = fork("none", [], {
      execPath: path,
      stdio: "ignore",
      env: { NODE_V8_COVERAGE: "" },
    });
    await new Promise((resolve) => child.once("error", resolve).once("exit", resolve));
    return child.spawnargs.includes(flag);
  } catch {
    return undefined;
  }
}
