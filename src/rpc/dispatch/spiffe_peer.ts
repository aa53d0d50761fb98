/**
 * Access by SPIFFE ID.
 *
 * @module
 */

import { parseSpiffeId, spiffeIdOf } from "../../call/spiffe.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { AccessRule } from "./authorize.ts";

/**
 * Creates a rule that requires a verified client certificate with a SPIFFE ID: one of `ids`, or one below an ID that ends
 * in `/*`. The caller's name is its ID. Calls without such a certificate fail with UNAUTHENTICATED, of others with
 * PERMISSION_DENIED. Throws TypeError without IDs, and for one that is not valid.
 *
 * ```ts
 * import { authorize, spiffePeer } from "@vrpc/vrpc";
 *
 * const access = authorize({
 *   "/shop.Orders/*": spiffePeer("spiffe://example.org/ns/shop/sa/web"),
 *   "*": spiffePeer("spiffe://example.org/*"),
 * });
 * ```
 *
 * @category Access
 */
export function spiffePeer(...ids: readonly string[]): AccessRule {
  if (ids.length === 0) throw new TypeError("Cannot use spiffePeer: no IDs were given");
  for (const id of ids) {
    if (typeof id === "string" && parseSpiffeId(id.replace(/\/\*$/, "")) !== undefined) continue;
    throw new TypeError(
      `Cannot use spiffePeer(${JSON.stringify(id)}): it must be a SPIFFE ID, such as ` +
        `"spiffe://example.org/ns/shop/sa/web", or "spiffe://example.org/ns/shop/*" for all below`,
    );
  }
  const exact = new Set(ids);
  const prefixes = ids.filter((id) => id.endsWith("/*")).map((id) => id.slice(0, -1));
  return ({ peer: { tls } }) => {
    const found = tls?.authorized ? spiffeIdOf(tls.subjectAltNames)?.id : undefined;
    if (found === undefined) {
      throw new RpcError(Status.UNAUTHENTICATED, "A certificate with a SPIFFE ID is required");
    }
    return (exact.has(found) || prefixes.some((prefix) => found.startsWith(prefix))) && found;
  };
}
