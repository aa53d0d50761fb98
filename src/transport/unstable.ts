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
