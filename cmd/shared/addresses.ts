/**
 * Addresses in options.
 *
 * @module
 */

import { parseAddress, VSOCK_CID_ANY } from "../../src/transport/mod.ts";
import { errorLine, UsageError } from "./program.ts";

/** Throws {@link UsageError} unless the address is valid. */
export function checkAddress(address: string): void {
  try {
    parseAddress(address);
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}

/** Throws {@link UsageError} unless the address is one that can be connected to. */
export function checkTarget(address: string): void {
  checkAddress(address);
  const parsed = parseAddress(address);
  const cannot = (why: string) => new UsageError(`Cannot connect to ${address}: ${why}`);
  if (parsed.kind === "memory") throw cannot("it only works within one process");
  if ("port" in parsed && parsed.port === 0) {
    throw cannot("port 0 is for listening; must be at least 1");
  }
  if (parsed.kind === "vsock" && parsed.cid === VSOCK_CID_ANY) {
    throw cannot("cid any is for listening; use a specific one, for example vsock:16:50051");
  }
}

/** Throws {@link UsageError} unless `text` is a list of valid addresses, separated by commas. */
export function checkAddressList(text: string): void {
  text.split(",").map((one) => one.trim()).filter((one) => one !== "").forEach(checkAddress);
}
