/**
 * `round_robin`: all ready addresses in turn (gRPC's doc/load-balancing.md).
 *
 * @module
 */

import { ReadyBalancer } from "./address_list.ts";
import {
  type BalancerPolicyDefinition,
  type BalancerSubchannel,
  type Picker,
  SinglePicker,
} from "./types.ts";

/** The policy `round_robin`. */
export const ROUND_ROBIN: BalancerPolicyDefinition = {
  name: "round_robin",
  create: (host) =>
    new ReadyBalancer(host, (ready) => {
      if (ready.length === 1) return new SinglePicker(ready[0].subchannel);
      const first = Math.floor(host.random() * ready.length);
      return new RoundRobinPicker(ready.map((entry) => entry.subchannel), first);
    }),
};

/** Picks subchannels in turn, without those that are not free. */
export class RoundRobinPicker implements Picker {
  readonly #subchannels: readonly BalancerSubchannel[];
  #next: number;

  /** Begins at the index `first`. */
  constructor(subchannels: readonly BalancerSubchannel[], first = 0) {
    this.#subchannels = subchannels;
    this.#next = first;
  }

  pick(): BalancerSubchannel | undefined {
    const subchannels = this.#subchannels;
    const count = subchannels.length;
    for (let i = 0; i < count; i++) {
      if (this.#next >= count) this.#next = 0;
      const one = subchannels[this.#next++];
      if (one.free) return one;
    }
    return undefined;
  }
}
