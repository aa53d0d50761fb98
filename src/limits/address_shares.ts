/**
 * Shares of a memory pool by the address of the peer: an address that opens many connections has the share of one.
 *
 * @module
 */

import { type MemoryPool, MemoryShare } from "./memory_pool.ts";

interface Entry {
  readonly share: MemoryShare;
  users: number;
}

/** Shares of the addresses that use a pool now. */
export class AddressShares {
  readonly #pool: MemoryPool;
  readonly #entries = new Map<string, Entry>();

  /** Divides `pool`. */
  constructor(pool: MemoryPool) {
    this.#pool = pool;
  }

  /** Number of addresses with a share. */
  get size(): number {
    return this.#entries.size;
  }

  /** Returns the share of the peer with this address and port. Each call needs a later `release`. */
  acquire(address: string): MemoryShare {
    const key = shareKey(address);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { share: new MemoryShare(this.#pool), users: 0 };
      this.#entries.set(key, entry);
    }
    entry.users++;
    return entry.share;
  }

  /** Ends one use of the share of `address`. */
  release(address: string): void {
    const key = shareKey(address);
    const entry = this.#entries.get(key);
    if (entry !== undefined && --entry.users === 0) this.#entries.delete(key);
  }
}

/** The address without its port; of IPv6 the first 64 bits, because a subscriber has all addresses of a /64. */
function shareKey(address: string): string {
  const host = address.replace(/:[0-9]+$/, "");
  const mapped = /^\[::ffff:([0-9.]+)\]$/i.exec(host);
  if (mapped !== null) return mapped[1];
  if (!host.startsWith("[")) return host;
  const [head, tail] = host.slice(1, -1).split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  return groups.slice(0, 4).join(":");
}
