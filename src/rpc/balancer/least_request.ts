/**
 * `least_request`: of some random addresses, the one with the fewest calls in flight (gRPC A48).
 *
 * @module
 */

import { ReadyBalancer } from "./address_list.ts";
import { integerField, objectOf } from "./json_fields.ts";
import { RandomIndex } from "./random_index.ts";
import {
  type BalancerPolicyDefinition,
  type BalancerSubchannel,
  type Picker,
  SinglePicker,
} from "./types.ts";

/** Configuration of `least_request`. */
export interface LeastRequestConfig {
  /** Number of addresses compared for each call: 2 to 10; more count as 10. Default 2. */
  readonly choiceCount: number;
}

// gRPC A48.
const MAX_CHOICES = 10;

/** The policy `least_request`, which gRPC calls `least_request_experimental`. */
export const LEAST_REQUEST: BalancerPolicyDefinition<LeastRequestConfig> = {
  name: "least_request",
  parseConfig(json) {
    const where = "least_request";
    const choiceCount = integerField(objectOf(json, where), "choiceCount", where, 2, 2);
    return { choiceCount: Math.min(choiceCount, MAX_CHOICES) };
  },
  create: (host) =>
    new ReadyBalancer(host, (ready, { choiceCount }) => {
      if (ready.length === 1) return new SinglePicker(ready[0].subchannel);
      const subchannels = ready.map((entry) => entry.subchannel);
      return new LeastRequestPicker(subchannels, choiceCount, host.random);
    }),
};

/**
 * Compares random subchannels and picks the one with the fewest calls in flight: nearly as even as comparing all of them,
 * and independent clients don't all pick the same one (Mitzenmacher, "The Power of Two Choices in Randomized Load
 * Balancing", 2001).
 */
export class LeastRequestPicker implements Picker {
  readonly #subchannels: readonly BalancerSubchannel[];
  readonly #choiceCount: number;
  readonly #random: RandomIndex;

  constructor(
    subchannels: readonly BalancerSubchannel[],
    choiceCount: number,
    random: () => number,
  ) {
    this.#subchannels = subchannels;
    this.#choiceCount = choiceCount;
    this.#random = new RandomIndex(random);
  }

  pick(): BalancerSubchannel | undefined {
    const subchannels = this.#subchannels;
    const count = subchannels.length;
    const i = this.#random.below(count);
    let best: BalancerSubchannel | undefined = subchannels[i];
    if (!best.free) best = undefined;
    for (let n = 1; n < this.#choiceCount; n++) {
      // Two choices are of two different subchannels; further ones may repeat.
      let j = this.#random.below(count - 1);
      if (j >= i) j++;
      const other = subchannels[j];
      if (other.free && (best === undefined || other.load < best.load)) best = other;
    }
    return best ?? leastLoaded(subchannels);
  }
}

/** Returns the free subchannel with the fewest calls in flight, undefined if none is free. */
function leastLoaded(subchannels: readonly BalancerSubchannel[]): BalancerSubchannel | undefined {
  let best: BalancerSubchannel | undefined;
  for (const one of subchannels) {
    if (one.free && (best === undefined || one.load < best.load)) best = one;
  }
  return best;
}
