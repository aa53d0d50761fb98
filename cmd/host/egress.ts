/**
 * Egress of the host program: the options, and the proxy that they ask for.
 *
 * @module
 */

import type { Command } from "commander";
import { type EgressProxy, serveEgress } from "../../src/guest/mod.ts";
import { checkAddressList } from "../shared/addresses.ts";
import { cids, errorLine, list, option, UsageError, wholeNumber } from "../shared/program.ts";

/** Options added by {@link addEgressOptions}. */
export interface EgressFlags {
  /** Addresses of the proxy; undefined for none. */
  egress?: string[];
  /** Hosts and ports that the enclave may reach. */
  allow?: string[];
  /** Ranges of special IP addresses that these may have. */
  allowAddress?: string[];
  /** Context ids that may connect to egress and logs. */
  guestCid?: number[];
  /** Most connections. */
  egressConnections: number;
  /** Most bytes of a tunnel. */
  egressMaxBytes?: number;
  /** Time without a byte after which a tunnel is closed, in ms. */
  egressIdleMs: number;
}

/** Adds `--egress`, `--allow` and the limits of the proxy. */
export function addEgressOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--egress <address>",
        "VRPC_EGRESS",
        "serve a CONNECT proxy for the enclave there, such as vsock:any:8000; default: off",
        { parse: list(), accepts: checkAddressList },
      ),
    )
    .addOption(
      option("--allow <host:port>", "VRPC_ALLOW", "destination of egress; may be repeated", {
        parse: list(),
      }),
    )
    .addOption(
      option(
        "--allow-address <range>",
        "VRPC_ALLOW_ADDRESS",
        "private or other special IP range that destinations may have, such as 10.0.0.0/8",
        { parse: list() },
      ),
    )
    .addOption(
      option(
        "--guest-cid <cid>",
        "VRPC_GUEST_CID",
        "vsock CIDs allowed to use --egress and --logs; default: all",
        { parse: cids() },
      ),
    )
    .addOption(
      option("--egress-connections <count>", "VRPC_EGRESS_CONNECTIONS", "most egress connections", {
        default: 256,
        parse: wholeNumber(1, 65_535),
      }),
    )
    .addOption(
      option(
        "--egress-max-bytes <bytes>",
        "VRPC_EGRESS_MAX_BYTES",
        "bytes after which a tunnel is closed; default: no limit",
        { parse: wholeNumber(1, 2 ** 53 - 1) },
      ),
    )
    .addOption(
      option(
        "--egress-idle-ms <ms>",
        "VRPC_EGRESS_IDLE_MS",
        "time without a byte after which a tunnel is closed",
        { default: 300_000, parse: wholeNumber(1, 86_400_000) },
      ),
    );
}

/** Serves the proxy and prints "egress ADDRESS" for each address; undefined if it is off. */
export async function startEgress(flags: EgressFlags): Promise<EgressProxy | undefined> {
  const { egress, allow = [] } = flags;
  if (egress === undefined) {
    if (allow.length === 0 && flags.allowAddress === undefined) return undefined;
    throw new UsageError("--allow and --allow-address have an effect only with --egress");
  }
  if (allow.length === 0) {
    throw new UsageError("--egress needs --allow, such as --allow kms.eu-west-1.amazonaws.com:443");
  }
  try {
    const proxy = await serveEgress(egress, {
      allow,
      allowAddresses: flags.allowAddress,
      allowVsockCids: flags.guestCid,
      maxConnections: flags.egressConnections,
      maxTunnelBytes: flags.egressMaxBytes,
      idleTimeoutMs: flags.egressIdleMs,
    });
    for (const address of proxy.addresses) console.log(`egress ${address}`);
    return proxy;
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new UsageError(errorLine(error));
    }
    throw error;
  }
}
