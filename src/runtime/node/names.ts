/**
 * Name resolution by node:dns.
 *
 * @module
 */

import { lookup, Resolver } from "node:dns/promises";
import type { Runtime } from "../types.ts";

/** Resolves a name: by the system, which also reads the hosts file, or by the name server given. */
export const resolve: Runtime["resolve"] = async (host, type, { nameServer, signal }) => {
  if (nameServer === undefined) {
    const found = await lookup(host, { all: true, family: type === "A" ? 4 : 6 });
    return found.map(({ address }) => address);
  }
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
