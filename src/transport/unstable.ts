/**
 * Tells whether Deno's unstable features are switched on. Asking the runtime for one that is not ends the
 * process with a message of its own, so that has to be known beforehand.
 *
 * @module
 */

import { TransportError } from "../errors.ts";

/** Throws a TransportError that names the flag when `reusePort` cannot be used. */
export function requireUnstableNet(address: string): void {
  // The runtime defines this function only under the flag.
  if ("listenDatagram" in Deno) return;
  throw new TransportError(
    `Cannot listen on ${address} with reusePort: Deno's flag --unstable-net is missing; ` +
      `run deno with it, or add "unstable": ["net"] to deno.json`,
    { address },
  );
}

/** Throws a TransportError that names the flag when vsock cannot be used. */
export async function requireUnstableVsock(address: string): Promise<void> {
  if (await (vsockSwitchedOn ??= probe("--unstable-vsock")) !== false) return;
  throw new TransportError(
    `Cannot use ${address}: Deno's flag --unstable-vsock is missing; ` +
      `run deno with it, or add "unstable": ["vsock"] to deno.json`,
    { address },
  );
}

let vsockSwitchedOn: Promise<boolean | undefined> | undefined;

/**
 * Whether `flag` is switched on, by command line or deno.json; undefined when that cannot be found out.
 *
 * Nothing in the runtime's surface differs under the vsock flag. But `fork` passes the parent's unstable
 * flags on to the child and shows them in `spawnargs`, also when the program cannot be started: here it is
 * a path that cannot exist, so no process ever comes to be.
 */
async function probe(flag: string): Promise<boolean | undefined> {
  const path = "/dev/null/none";
  const { state } = Deno.permissions.querySync({ name: "run", command: path });
  // Only asking the user would tell.
  if (state === "prompt" && Deno.stdin.isTerminal()) return undefined;
  const { fork } = await import("node:child_process");
  try {
    // The variable is named because fork else reads it, for which it may lack the permission.
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
