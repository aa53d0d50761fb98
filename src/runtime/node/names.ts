/**
 * Name resolution by node:dns.
 *
 * @module
 */

import { lookup, Resolver } from "node:dns/promises";
import type { Runtime } from "../types.ts";

/** Resolves a name: by the system, which also reads the hosts file, or by the name server given. */
export const resolve: Runtime["resolve"] = async (host, type, { nameServer, signal }) => {
  if (nameServer === undefined) return await lookUp(host, type === "A" ? 4 : 6, signal);
  const { ipAddr, port = 53 } = nameServer;
  const resolver = new Resolver();
  resolver.setServers([ipAddr.includes(":") ? `[${ipAddr}]:${port}` : `${ipAddr}:${port}`]);
  const onAbort = () => resolver.cancel();
  signal.addEventListener("abort", onAbort);
  try {
    signal.throwIfAborted();
    return await (type === "A" ? resolver.resolve4(host) : resolver.resolve6(host));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};

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
