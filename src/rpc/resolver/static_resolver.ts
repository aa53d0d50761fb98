/**
 * A resolver of addresses that do not change.
 *
 * @module
 */

import type { NameResolver, ResolverUpdate } from "./types.ts";

/** Makes a resolver that always yields the same update, whatever the target. */
export function staticResolver(update: ResolverUpdate): NameResolver {
  return {
    async *watch() {
      yield update;
    },
  };
}
