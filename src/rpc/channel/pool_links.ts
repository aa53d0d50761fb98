/**
 * What a channel's pool is linked to beside its calls: watched certificates, and the inventory of the process.
 *
 * @module
 */

import { TlsWatch } from "../../transport/tls_watch.ts";
import type { KnownChannel } from "../core/inventory.ts";
import type { Pool } from "../pool/pool.ts";
import type { ChannelOptions } from "./options.ts";

/** Replaces connections after each change of watched files, if that was asked for; returns a function that ends it. */
export function renewOnChange(tls: ChannelOptions["tls"], pool: Pool): (() => void) | undefined {
  if (!(tls instanceof TlsWatch) || tls.drainGraceMs === undefined) return undefined;
  const { drainGraceMs } = tls;
  return tls.onChange(() => pool.renew(drainGraceMs, "The certificates have changed"));
}

/** Returns a channel as the inventory of the process sees it. */
export function knownChannel(target: string, pool: Pool): KnownChannel {
  return {
    target,
    get state() {
      return pool.state;
    },
    get subchannels() {
      return pool.subchannels;
    },
    get maxConnections() {
      return pool.maxConnections;
    },
    watch: (watcher) => pool.watch(watcher),
  };
}
