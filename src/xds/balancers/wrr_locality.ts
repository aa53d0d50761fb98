/**
 * `xds_wrr_locality_experimental`: localities by their weights, with the same policy within each (gRPC A52).
 *
 * @module
 */

import { objectOf } from "../../rpc/balancer/json_fields.ts";
import { PATH_ATTRIBUTE } from "../../rpc/balancer/hierarchy.ts";
import { type LoadBalancingConfig, requireBalancer } from "../../rpc/balancer/registry.ts";
import type {
  Balancer,
  BalancerPolicyDefinition,
  BalancerUpdate,
  ConfiguredBalancer,
} from "../../rpc/balancer/types.ts";
import { WEIGHTED_TARGET, type WeightedTargetConfig } from "../../rpc/balancer/weighted_target.ts";
import { LOCALITY_WEIGHT } from "./xds_config.ts";

/** Configuration: the policy within each locality. */
export interface WrrLocalityConfig {
  readonly childPolicy: ConfiguredBalancer;
}

/** The policy `xds_wrr_locality_experimental`. */
export const WRR_LOCALITY: BalancerPolicyDefinition<WrrLocalityConfig> = {
  name: "xds_wrr_locality_experimental",
  parseConfig(value) {
    const where = "xds_wrr_locality";
    const list = objectOf(value, where).childPolicy as LoadBalancingConfig;
    return { childPolicy: requireBalancer(list, `${where}.childPolicy`) };
  },
  create: (host) => new WrrLocality(WEIGHTED_TARGET.create(host)),
};

class WrrLocality implements Balancer<WrrLocalityConfig> {
  readonly #targets: Balancer<WeightedTargetConfig>;

  constructor(targets: Balancer<WeightedTargetConfig>) {
    this.#targets = targets;
  }

  update({ addresses, config, attributes }: BalancerUpdate<WrrLocalityConfig>): void {
    const { childPolicy } = config;
    const localities = new Map<string, { weight: number; childPolicy: ConfiguredBalancer }>();
    for (const { attributes: own } of addresses) {
      const path = own?.[PATH_ATTRIBUTE] as readonly string[] | undefined;
      const weight = own?.[LOCALITY_WEIGHT];
      if (path?.[0] === undefined || typeof weight !== "number") continue;
      localities.set(path[0], { weight, childPolicy });
    }
    this.#targets.update({ addresses, config: localities, attributes });
  }

  exitIdle(): void {
    this.#targets.exitIdle?.();
  }

  close(): void {
    this.#targets.close();
  }
}
