/**
 * `random_subsetting`: each client uses some of the addresses, chosen by rendezvous hashing (gRPC A68).
 *
 * @module
 */

import { ChildBalancer } from "./child_balancer.ts";
import { integerField, objectOf } from "./json_fields.ts";
import { type LoadBalancingConfig, requireBalancer } from "./registry.ts";
import type {
  Balancer,
  BalancerHost,
  BalancerPolicyDefinition,
  BalancerUpdate,
  ConfiguredBalancer,
  ResolvedAddress,
} from "./types.ts";
import { hashHigh, hashLow, xxh64 } from "./xxh64.ts";

/** Configuration of `random_subsetting`. */
export interface SubsettingConfig {
  /** Number of addresses that a client uses, at least 1. */
  readonly subsetSize: number;
  readonly childPolicy: ConfiguredBalancer;
}

/** The policy `random_subsetting`. */
export const RANDOM_SUBSETTING: BalancerPolicyDefinition<SubsettingConfig> = {
  name: "random_subsetting",
  parseConfig(value) {
    const where = "random_subsetting";
    const json = objectOf(value, where);
    return {
      subsetSize: integerField(json, "subsetSize", where, 0, 1),
      childPolicy: requireBalancer(
        json.childPolicy as LoadBalancingConfig,
        `${where}.childPolicy`,
      ),
    };
  },
  create: (host) => new RandomSubsetting(host),
};

class RandomSubsetting implements Balancer<SubsettingConfig> {
  readonly #child: ChildBalancer;
  /** Differs between clients, and is the same for all updates of one. */
  readonly #seed: number;

  constructor(host: BalancerHost) {
    this.#child = new ChildBalancer(host);
    this.#seed = Math.floor(host.random() * 2 ** 32);
  }

  update({ addresses, config, attributes }: BalancerUpdate<SubsettingConfig>): void {
    this.#child.update({
      addresses: subsetOf(addresses, config.subsetSize, this.#seed),
      config: config.childPolicy,
      attributes,
    });
  }

  exitIdle(): void {
    this.#child.exitIdle();
  }

  close(): void {
    this.#child.close();
  }
}

/** Returns the addresses with the smallest hashes, in their former order. */
export function subsetOf(
  addresses: readonly ResolvedAddress[],
  size: number,
  seed: number,
): readonly ResolvedAddress[] {
  if (addresses.length <= size) return addresses;
  const ranked = addresses.map((address) => {
    xxh64(address.address, seed);
    return { address, high: hashHigh() >>> 0, low: hashLow() >>> 0 };
  });
  ranked.sort((a, b) => a.high - b.high || a.low - b.low);
  const chosen = new Set(ranked.slice(0, size).map(({ address }) => address));
  return addresses.filter((address) => chosen.has(address));
}
