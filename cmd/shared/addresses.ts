/**
 * Addresses in options.
 *
 * @module
 */

import { parseAddress } from "../../src/transport/mod.ts";
import { errorLine, UsageError } from "./program.ts";

/** Throws {@link UsageError} unless the address is valid. */
export function checkAddress(address: string): void {
  try {
    parseAddress(address);
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}

/** Throws {@link UsageError} unless `text` is a list of valid addresses, separated by commas. */
export function checkAddressList(text: string): void {
  text.split(",").map((one) => one.trim()).filter((one) => one !== "").forEach(checkAddress);
}
