import type { ChannelOptions } from "../../../mod.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import type { Network } from "../../fixtures/network.ts";

/** Options of a channel whose dials fail above `limits` connections to a name, or above one. */
export function limitedDials(
  network: Network,
  limits: Record<string, number> = {},
): ChannelOptions {
  const open: Record<string, number> = {};
  return {
    dial: (name) => {
      network.dials.push({ name, atMs: network.clock.now() });
      open[name] = (open[name] ?? 0) + 1;
      if (open[name] > (limits[name] ?? 1)) {
        return Promise.reject(new Error("too many connections"));
      }
      const [here, there] = memoryPair();
      network.hosts.get(name)!.server.serveConnection(there);
      return Promise.resolve(here);
    },
  };
}
