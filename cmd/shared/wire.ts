/**
 * Options for the protocol in which a program calls a server.
 *
 * @module
 */

import type { Command } from "commander";
import type { ChannelOptions } from "../../mod.ts";
import { checkTarget } from "./addresses.ts";
import { oneOf, option, UsageError } from "./program.ts";

/** Protocols, by the names of the option `wire` of `connect`. */
export const WIRES = ["grpc", "lean", "connect", "grpc-web"] as const;
/** Protocol in which a server is called. */
export type Wire = typeof WIRES[number];
/** Description of the option `--wire`. */
export const WIRE_TEXT = "grpc, lean, connect or grpc-web";

/** Values of the options of {@link addWireOptions}. */
export interface WireFlags {
  wire: Wire;
  httpVersion: "1.1" | "2";
}

/** Adds `--wire` and `--http-version`. */
export function addWireOptions(command: Command): void {
  command
    .addOption(
      option("--wire <name>", "VRPC_WIRE", WIRE_TEXT, { default: "grpc", parse: oneOf(...WIRES) }),
    )
    .addOption(
      option(
        "--http-version <version>",
        "VRPC_HTTP_VERSION",
        "1.1 or 2, for connect and grpc-web",
        {
          default: "2",
          parse: oneOf("1.1", "2"),
        },
      ),
    );
}

/** Whether a wire is one that web servers speak: its addresses may be URLs, over either version of HTTP. */
export function isWebWire(wire: Wire): boolean {
  return wire === "connect" || wire === "grpc-web";
}

/**
 * Returns the options of a channel to `address`. Throws {@link UsageError} for an address that cannot be connected to on
 * this wire, and for HTTP/1.1 on one that has only HTTP/2.
 */
export function wireOptions(
  { wire, httpVersion }: WireFlags,
  address: string,
): Pick<ChannelOptions, "wire" | "httpVersion"> {
  const isWeb = isWebWire(wire);
  if (!isWeb && httpVersion === "1.1") {
    throw new UsageError(
      `Cannot use --http-version 1.1 with --wire ${wire}: only connect and grpc-web have it`,
    );
  }
  if (!isWeb || !/^https?:\/\//i.test(address)) checkTarget(address);
  return isWeb ? { wire, httpVersion } : { wire };
}
