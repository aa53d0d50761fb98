/**
 * Name resolution: one target may stand for several addresses.
 *
 * @module
 */

import type { Address, DnsAddress } from "./address.ts";
import { ipFamily, nameServerParts } from "./address.ts";

/**
 * Turns a name into addresses, in the order in which they should be tried. May be the user's own (service
 * discovery, tests). Rejects when the name cannot be resolved; an empty list counts as that.
 */
export type Resolver = (host: string, port: number, signal: AbortSignal) => Promise<Address[]>;

/**
 * The default {@link Resolver}: A and AAAA records (and this machine's hosts file). What it cannot find is
 * left to the system: the result then is the name itself, resolved on connecting.
 */
export function resolveHost(host: string, port: number, signal: AbortSignal): Promise<Address[]> {
  return resolveName({ kind: "dns", host, port }, signal);
}

/**
 * The single addresses that `address` stands for: those of a list, what `resolver` says of a name, else
 * the address alone.
 */
export async function resolveAddress(
  address: Address,
  options: { resolver?: Resolver; signal?: AbortSignal } = {},
): Promise<Address[]> {
  if (address.kind === "list") return [...address.addresses];
  if (address.kind !== "dns") return [address];
  const signal = options.signal ?? new AbortController().signal;
  return options.resolver === undefined || address.nameServer !== undefined
    ? await resolveName(address, signal)
    : await options.resolver(address.host, address.port, signal);
}

async function resolveName(address: DnsAddress, signal: AbortSignal): Promise<Address[]> {
  const { host, port } = address;
  const name = host.replace(/\.$/, "").toLowerCase();
  if (ipFamily(host) !== 0) return [{ kind: "tcp", host, port }];
  // RFC 6761 section 6.3: these are the loopback addresses, and need not be asked for.
  if (name === "localhost" || name.endsWith(".localhost")) {
    return ["127.0.0.1", "::1"].map((ip): Address => ({ kind: "tcp", host: ip, port }));
  }
  const system: Address = { kind: "dns", host, port };
  // With net access to some hosts only, asking the name server would prompt the user for more.
  if (Deno.permissions.querySync({ name: "net" }).state !== "granted") return [system];
  const nameServer = address.nameServer === undefined
    ? undefined
    : nameServerParts(address.nameServer);
  const answers = await Promise.allSettled(
    (["A", "AAAA"] as const).map((type) => Deno.resolveDns(host, type, { nameServer, signal })),
  );
  signal.throwIfAborted();
  const found = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  if (found.length > 0) {
    return [...new Set(found)].map((ip): Address => ({ kind: "tcp", host: ip, port }));
  }
  if (nameServer === undefined) return [system];
  throw (answers[0] as PromiseRejectedResult).reason;
}
