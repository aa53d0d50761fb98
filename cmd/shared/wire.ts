/**
 * Options for the protocol in which a program calls a server.
 *
 * @module
 */

import type { Command } from "commander";
import { type Channel, type ChannelOptions, connect } from "../../mod.ts";
import { checkTarget } from "./addresses.ts";
import { errorLine, oneOf, option, UsageError } from "./program.ts";

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

/**
 * Opens a channel. Throws {@link UsageError} for an address or options that cannot be used on this wire, such as HTTP/1.1
 * on one that has only HTTP/2.
 */
export function openChannel(
  address: string,
  { wire, httpVersion }: WireFlags,
  options: ChannelOptions,
): Channel {
  const isWeb = wire === "connect" || wire === "grpc-web";
  if (!isWeb && httpVersion === "1.1") {
    throw new UsageError(
      `Cannot use --http-version 1.1 with --wire ${wire}: only connect and grpc-web have it`,
    );
  }
  if (!/^https?:\/\//i.test(address)) checkTarget(address);
  try {
    return connect(address, { ...options, wire, httpVersion });
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}
