/**
 * Addresses of balancers with named children: the attribute `path` of an address names the child at each level.
 *
 * @module
 */

import type { ResolvedAddress } from "./types.ts";

/** Attribute of addresses: names of the children that they belong to, the outermost first. */
export const PATH_ATTRIBUTE = "path";

/** Returns the addresses of each child, without the first step of their paths. Addresses without a path are left out. */
export function addressesByChild(
  addresses: readonly ResolvedAddress[],
): Map<string, ResolvedAddress[]> {
  const children = new Map<string, ResolvedAddress[]>();
  for (const address of addresses) {
    const path = address.attributes?.[PATH_ATTRIBUTE];
    if (!Array.isArray(path) || path.length === 0) continue;
    const [child, ...rest] = path;
    const list = children.get(child) ?? [];
    list.push({ ...address, attributes: { ...address.attributes, [PATH_ATTRIBUTE]: rest } });
    children.set(child, list);
  }
  return children;
}
