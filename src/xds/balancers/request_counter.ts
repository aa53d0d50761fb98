/**
 * Calls in flight of a cluster, for its circuit breaker. All channels of the process that use the same endpoints of the same
 * cluster share them (gRPC A32).
 *
 * @module
 */

import type { BalancerSubchannel } from "../../rpc/balancer/types.ts";

/** Counts the calls of a set of subchannels. */
export class RequestCounter {
  /** Closed subchannels have no load, and leave once they are collected. */
  #subchannels: WeakRef<BalancerSubchannel>[] = [];
  #nextPurge = 64;
  /** Picks that may follow before the sum can reach the limit that it was compared with. */
  #spare = 0;
  #limit = 0;

  /** Adds a subchannel. */
  add(subchannel: BalancerSubchannel): void {
    if (this.#subchannels.length >= this.#nextPurge) {
      this.#subchannels = this.#subchannels.filter((one) => one.deref() !== undefined);
      this.#nextPurge = Math.max(64, 2 * this.#subchannels.length);
    }
    this.#subchannels.push(new WeakRef(subchannel));
  }

  /** Whether another call may start. Counts anew only when so many picks have followed that the limit may be reached. */
  below(limit: number): boolean {
    if (limit === this.#limit && this.#spare > 0) {
      this.#spare--;
      return true;
    }
    let load = 0;
    for (const subchannel of this.#subchannels) load += subchannel.deref()?.load ?? 0;
    this.#limit = limit;
    this.#spare = Math.max(0, limit - load - 1);
    return load < limit;
  }
}

const counters = new Map<string, WeakRef<RequestCounter>>();
const forgotten = new FinalizationRegistry<string>((key) => {
  if (counters.get(key)?.deref() === undefined) counters.delete(key);
});

/** Returns the counter of a cluster's endpoints. */
export function requestCounter(cluster: string, serviceName: string): RequestCounter {
  const key = JSON.stringify([cluster, serviceName]);
  let counter = counters.get(key)?.deref();
  if (counter === undefined) {
    counters.set(key, new WeakRef(counter = new RequestCounter()));
    forgotten.register(counter, key);
  }
  return counter;
}
