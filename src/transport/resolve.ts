/**
 * Name resolution, from one target to one or several addresses.
 *
 * @module
 */

import { textOf } from "../errors.ts";
import { runtime } from "../runtime/mod.ts";
import type { NameServerOptions, SrvRecord } from "../runtime/types.ts";
import type { Address, DnsAddress } from "./address.ts";
import { formatAddress, ipFamily, nameServerParts } from "./address.ts";
import { parseAddress } from "./address_parser.ts";

/**
 * Resolves a host name to addresses, in the order in which they are tried. Applications may supply their own, for
 * service discovery or tests. Rejects, or resolves to an empty list, if the name can't be resolved.
 */
export type Resolver = (host: string, port: number, signal: AbortSignal) => Promise<Address[]>;

/**
 * Resolves a host name by A and AAAA records and this machine's hosts file. A name without records is returned as it
 * is, for the system to resolve on connecting. Default {@link Resolver}.
 */
export function resolveHost(host: string, port: number, signal: AbortSignal): Promise<Address[]> {
  return resolveName({ kind: "dns", host, port }, signal);
}

/**
 * Resolves an address to single addresses: the items of a list, the resolver's result for a name, otherwise the address
 * itself.
 */
export async function resolveAddress(
  address: Address,
  options: { resolver?: Resolver; signal?: AbortSignal } = {},
): Promise<Address[]> {
  if (address.kind === "list") return [...address.addresses];
  if (address.kind !== "dns") return [address];
  const signal = options.signal ?? new AbortController().signal;
  if (options.resolver === undefined || address.nameServer !== undefined) {
    return await resolveName(address, signal);
  }
  return checkResolved(await options.resolver(address.host, address.port, signal));
}

/** Returns the result of an application's resolver. Throws TypeError unless it is a list of addresses. */
function checkResolved(resolved: unknown): Address[] {
  if (!Array.isArray(resolved)) {
    throw new TypeError(`The resolver returned a ${typeof resolved}, not a list of addresses`);
  }
  for (const address of resolved) {
    try {
      parseAddress(formatAddress(address));
    } catch (cause) {
      throw new TypeError(`The resolver returned an invalid address: ${textOf(cause)}`, { cause });
    }
  }
  return resolved;
}

async function resolveName(address: DnsAddress, signal: AbortSignal): Promise<Address[]> {
  const { host, port } = address;
  const name = host.replace(/\.$/, "").toLowerCase();
  if (ipFamily(host) !== 0) return [{ kind: "tcp", host, port }];
  // RFC 6761 §6.3: localhost names are the loopback addresses, without a query.
  if (name === "localhost" || name.endsWith(".localhost")) {
    return ["127.0.0.1", "::1"].map((ip): Address => ({ kind: "tcp", host: ip, port }));
  }
  const system: Address = { kind: "dns", host, port };
  // With net permission for some hosts only, a DNS query would prompt for more, so the system resolves the name.
  if (!runtime.allows("net")) return [system];
  const nameServer = nameServerOf(address.nameServer);
  const answers = await Promise.allSettled(
    (["A", "AAAA"] as const).map((type) => runtime.resolve(host, type, { nameServer, signal })),
  );
  signal.throwIfAborted();
  const found = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  if (found.length > 0) {
    return [...new Set(found)].map((ip): Address => ({ kind: "tcp", host: ip, port }));
  }
  if (nameServer === undefined) return [system];
  throw (answers[0] as PromiseRejectedResult).reason;
}

/** Returns the texts of the TXT records of a name, the parts of each joined. Rejects if it has none. */
export async function resolveTexts(
  name: string,
  nameServer: string | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const records = await runtime.resolveTxt(name, { nameServer: nameServerOf(nameServer), signal });
  return records.map((parts) => parts.join(""));
}

/** Returns the SRV records of a name. Rejects if it has none. */
export function resolveServices(
  name: string,
  nameServer: string | undefined,
  signal: AbortSignal,
): Promise<SrvRecord[]> {
  return runtime.resolveSrv(name, { nameServer: nameServerOf(nameServer), signal });
}

function nameServerOf(text: string | undefined): NameServerOptions["nameServer"] {
  return text === undefined ? undefined : nameServerParts(text);
}
