/**
 * Kubernetes EndpointSlices (`discovery.k8s.io/v1`) as addresses.
 *
 * @module
 */

import type { ResolvedAddress } from "../balancer/types.ts";

/** What is read of an EndpointSlice. */
export interface EndpointSlice {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly endpoints?:
    | readonly {
      readonly addresses: readonly string[];
      readonly conditions?: { readonly ready?: boolean | null };
      readonly zone?: string;
      readonly nodeName?: string;
    }[]
    | null;
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
}

/**
 * Returns the addresses of ready endpoints, in the order of their texts, each once. `port` is the name or the number of a
 * port, empty for the first; a number that no slice lists is used as it is.
 */
export function addressesOf(slices: Iterable<EndpointSlice>, port: string): ResolvedAddress[] {
  const found = new Map<string, ResolvedAddress>();
  for (const { endpoints, ports } of slices) {
    const number = portOf(ports ?? [], port);
    if (number === undefined) continue;
    for (const { addresses, conditions, zone, nodeName } of endpoints ?? []) {
      // Unknown counts as ready (API reference of EndpointConditions).
      if (conditions?.ready === false) continue;
      for (const ip of addresses) {
        const address = ip.includes(":") ? `[${ip}]:${number}` : `${ip}:${number}`;
        found.set(address, { address, attributes: { zone, nodeName } });
      }
    }
  }
  return [...found.values()].sort((a, b) => a.address < b.address ? -1 : 1);
}

function portOf(ports: NonNullable<EndpointSlice["ports"]>, wanted: string): number | undefined {
  if (wanted === "") return ports[0]?.port;
  if (/^[0-9]+$/.test(wanted)) return Number(wanted);
  return ports.find(({ name }) => name === wanted)?.port;
}
