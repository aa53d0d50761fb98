/**
 * `weighted_target`: named groups of addresses, each with a share of the calls and a policy of its own (gRPC A28).
 *
 * @module
 */

import { groupState } from "./address_list.ts";
import { ChildBalancer } from "./child_balancer.ts";
import { addressesByChild } from "./hierarchy.ts";
import { integerField, objectOf } from "./json_fields.ts";
import { RandomIndex } from "./random_index.ts";
import { type LoadBalancingConfig, requireBalancer } from "./registry.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerSubchannel,
  type BalancerUpdate,
  type ConfiguredBalancer,
  type ConnectivityState,
  type PickedCall,
  type Picker,
  type PickFailure,
  QUEUE_PICKER,
} from "./types.ts";

/** Configuration of `weighted_target`: the groups by name. */
export type WeightedTargetConfig = ReadonlyMap<
  string,
  { readonly weight: number; readonly childPolicy: ConfiguredBalancer }
>;

/** The policy `weighted_target`, which gRPC calls `weighted_target_experimental`. */
export const WEIGHTED_TARGET: BalancerPolicyDefinition<WeightedTargetConfig> = {
  name: "weighted_target",
  parseConfig(value) {
    const targets = objectOf(objectOf(value, "weighted_target").targets, "weighted_target.targets");
    return new Map(
      Object.entries(targets).map(([name, target]) => {
        const where = `weighted_target.targets.${name}`;
        const json = objectOf(target, where);
        const weight = integerField(json, "weight", where, 0, 1);
        const list = json.childPolicy as LoadBalancingConfig;
        return [name, { weight, childPolicy: requireBalancer(list, `${where}.childPolicy`) }];
      }),
    );
  },
  create: (host) => new WeightedTarget(host),
};

interface Target {
  readonly child: ChildBalancer;
  weight: number;
  state: ConnectivityState;
  picker: Picker;
}

class WeightedTarget implements Balancer<WeightedTargetConfig> {
  readonly #host: BalancerHost;
  readonly #targets = new Map<string, Target>();
  #updating = false;

  constructor(host: BalancerHost) {
    this.#host = host;
  }

  update({ addresses, config, attributes }: BalancerUpdate<WeightedTargetConfig>): void {
    const byChild = addressesByChild(addresses);
    this.#updating = true;
    for (const [name, target] of this.#targets) {
      if (config.has(name)) continue;
      this.#targets.delete(name);
      target.child.close();
    }
    for (const [name, { weight, childPolicy }] of config) {
      const target = this.#targets.get(name) ?? this.#make(name);
      target.weight = weight;
      target.child.update({
        addresses: byChild.get(name) ?? [],
        config: childPolicy,
        attributes,
      });
    }
    this.#updating = false;
    this.#changed();
  }

  exitIdle(): void {
    for (const { child } of this.#targets.values()) child.exitIdle();
  }

  close(): void {
    this.#updating = true;
    for (const { child } of this.#targets.values()) child.close();
  }

  #make(name: string): Target {
    const target: Target = {
      weight: 1,
      state: "CONNECTING",
      picker: QUEUE_PICKER,
      child: new ChildBalancer({
        ...this.#host,
        updateState: (state, picker) => {
          // A group that has failed counts as failed until it is ready (gRPC A62).
          if (target.state === "TRANSIENT_FAILURE" && state === "CONNECTING") return;
          target.state = state;
          target.picker = picker;
          if (!this.#updating) this.#changed();
        },
      }),
    };
    this.#targets.set(name, target);
    return target;
  }

  #changed(): void {
    const targets = [...this.#targets.values()];
    const state = groupState(targets.map((target) => target.state));
    if (state === "CONNECTING" || state === "IDLE") {
      return this.#host.updateState(state, QUEUE_PICKER);
    }
    const used = targets.filter((target) => target.state === state);
    this.#host.updateState(state, new WeightedPicker(used, this.#host.random));
  }
}

/** Picks one of several pickers in proportion to their weights. */
export class WeightedPicker implements Picker {
  readonly dependsOnCall = true;
  readonly #pickers: readonly Picker[];
  /** Sums of the weights up to and including each picker. */
  readonly #sums: readonly number[];
  readonly #total: number;
  readonly #random: RandomIndex;

  constructor(
    targets: readonly { readonly weight: number; readonly picker: Picker }[],
    random: () => number,
  ) {
    let sum = 0;
    this.#pickers = targets.map(({ picker }) => picker);
    this.#sums = targets.map(({ weight }) => sum += weight);
    this.#total = sum;
    this.#random = new RandomIndex(random);
  }

  pick(call: PickedCall): BalancerSubchannel | PickFailure | undefined {
    const point = this.#random.below(this.#total);
    const sums = this.#sums;
    let i = 0;
    while (i < sums.length - 1 && sums[i] <= point) i++;
    return this.#pickers[i]?.pick(call);
  }
}
