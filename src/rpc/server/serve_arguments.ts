/**
 * Check of what `serve` is given.
 *
 * @module
 */

import { checkFunctions } from "../../limits/ranges.ts";
import { checkServeOptions, type ServeOptions } from "./options.ts";

/** Returns the addresses to listen on. Throws TypeError or RangeError for arguments that are not valid. */
export function checkServeArguments(
  addresses: unknown,
  configure: unknown,
  options: ServeOptions,
): readonly string[] {
  const texts = checkAddresses(addresses);
  checkServeOptions(options);
  checkFunctions("configure", [configure]);
  return texts;
}

/** Returns the addresses as a list. Throws TypeError, which says what `serve` takes, for anything but texts. */
function checkAddresses(addresses: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(addresses) ? addresses : [addresses];
  for (const address of list) {
    if (typeof address === "string") continue;
    // A number is most likely a port.
    const port = typeof address === "number" ? address : 50051;
    const given = typeof address === "number"
      ? address
      : address === null
      ? "null"
      : typeof address;
    throw new TypeError(
      `Cannot listen on ${given}: serve takes an address or a list of them, such as "127.0.0.1:${port}", ` +
        `"unix:/run/app.sock" or "vsock:any:${port}"`,
    );
  }
  return list as readonly string[];
}
