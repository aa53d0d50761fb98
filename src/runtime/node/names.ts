/**
 * Name resolution by node:dns.
 *
 * @module
 */

import { lookup, Resolver } from "node:dns/promises";
import type { NameServerOptions, Runtime } from "../types.ts";

/** Resolves a name: by the system, which also reads the hosts file, or by the name server given. */
export const resolve: Runtime["resolve"] = async (host, type, options) => {
  if (options.nameServer === undefined) {
    return await lookUp(host, type === "A" ? 4 : 6, options.signal);
  }
  return await ask(options, (dns) => type === "A" ? dns.resolve4(host) : dns.resolve6(host));
};

/** Returns the texts of the TXT records of a name. */
export const resolveTxt: Runtime["resolveTxt"] = (name, options) =>
  ask(options, (dns) => dns.resolveTxt(name));

/** Returns the SRV records of a name. */
export const resolveSrv: Runtime["resolveSrv"] = async (name, options) => {
  const records = await ask(options, (dns) => dns.resolveSrv(name));
  return records.map(({ name, ...rest }) => ({ ...rest, target: name }));
};

/** Asks a name server, the system's if none is given. */
async function ask<T>(
  { nameServer, signal }: NameServerOptions,
  query: (dns: Resolver) => Promise<T>,
): Promise<T> {
  const resolver = new Resolver();
  if (nameServer !== undefined) {
    const { ipAddr, port = 53 } = nameServer;
    resolver.setServers([ipAddr.includes(":") ? `[${ipAddr}]:${port}` : `${ipAddr}:${port}`]);
  }
  const onAbort = () => resolver.cancel();
  signal.addEventListener("abort", onAbort);
  try {
    signal.throwIfAborted();
    return await query(resolver);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Asks the system. An abort ends the wait only: node:dns cannot cancel the lookup. */
function lookUp(host: string, family: number, signal: AbortSignal): Promise<string[]> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    lookup(host, { all: true, family })
      .then((found) => resolve(found.map(({ address }) => address)), reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}
