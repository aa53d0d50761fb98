/**
 * Transports of addresses.
 *
 * @module
 */

import { parseAddress } from "../../src/transport/mod.ts";
import { errorLine, UsageError } from "../shared/program.ts";

/** Transport to the server. */
export type Transport = "tcp" | "tls" | "unix" | "vsock" | "hvsock";

const KINDS: Record<Transport, readonly string[]> = {
  tcp: ["tcp", "dns", "list"],
  tls: ["tcp", "dns", "list"],
  unix: ["unix", "unix-abstract"],
  vsock: ["vsock"],
  hvsock: ["hvsock"],
};

/** Returns the transport of an address, without TLS. Throws {@link UsageError} for an address that can't be dialled. */
export function transportOf(address: string): Transport {
  const kind = kindOf(address);
  const entry = Object.entries(KINDS).find(([, kinds]) => kinds.includes(kind));
  if (!entry) {
    throw new UsageError(`Cannot use an address of kind ${kind}: it only works within one process`);
  }
  return entry[0] as Transport;
}

/** Throws {@link UsageError} when `transport` does not lead to `address`. */
export function checkTransport(transport: Transport, address: string): void {
  if (KINDS[transport].includes(kindOf(address))) return;
  throw new UsageError(
    `Transport ${transport} does not match the address ${address}: use ${transportOf(address)}`,
  );
}

function kindOf(address: string): string {
  try {
    return parseAddress(address).kind;
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}
