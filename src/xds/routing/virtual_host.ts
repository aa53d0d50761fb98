/**
 * The virtual host for an authority (gRPC A27, "Virtual host domains").
 *
 * @module
 */

import type { VirtualHost } from "../resources/types.ts";

/**
 * Returns the host with the best matching domain: an exact one before a suffix, a prefix and `*`, longer ones before shorter
 * ones. Undefined if none matches.
 */
export function findVirtualHost(
  hosts: readonly VirtualHost[],
  authority: string,
): VirtualHost | undefined {
  const name = authority.toLowerCase();
  let best: VirtualHost | undefined;
  let bestRank = 0;
  for (const host of hosts) {
    for (const domain of host.domains) {
      const rank = rankOf(domain.toLowerCase(), name);
      if (rank <= bestRank) continue;
      best = host;
      bestRank = rank;
    }
  }
  return best;
}

/** Longer than any domain. */
const STEP = 1_000_000;

/** Returns 0 for a domain that does not match. */
function rankOf(domain: string, name: string): number {
  if (domain === "*") return 1;
  if (domain.startsWith("*")) {
    const suffix = domain.slice(1);
    return name.length > suffix.length && name.endsWith(suffix) ? 2 * STEP + domain.length : 0;
  }
  if (domain.endsWith("*")) {
    const prefix = domain.slice(0, -1);
    return name.length > prefix.length && name.startsWith(prefix) ? STEP + domain.length : 0;
  }
  return domain === name ? 3 * STEP : 0;
}
