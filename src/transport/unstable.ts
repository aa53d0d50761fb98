/**
 * Checks of Deno's flags for unstable features. The use of a feature without its flag would end the process.
 *
 * @module
 */

import { TransportError } from "../errors.ts";

/** Throws a TransportError that names the flag if `reusePort` can't be used. */
export function requireUnstableNet(address: string): void {
  // The runtime defines this function only with the flag.
  if ("listenDatagram" in Deno) return;
  throw new TransportError(
    `Cannot listen on ${address} with reusePort: Deno's flag --unstable-net is missing; ` +
      `run deno with it, or add "unstable": ["net"] to deno.json`,
    { address },
  );
}

/** Rejects with a TransportError that names the flag if vsock can't be used. */
export async function requireUnstableVsock(address: string): Promise<void> {
  if (await (vsockEnabled ??= probe("--unstable-vsock")) !== false) return;
  throw new TransportError(
    `Cannot use ${address}: Deno's flag --unstable-vsock is missing; ` +
      `run deno with it, or add "unstable": ["vsock"] to deno.json`,
    { address },
  );
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
