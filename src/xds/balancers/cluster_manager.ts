/**
 * `xds_cluster_manager_experimental`: a balancer for each cluster of a target, chosen by an attribute of the call (gRPC A28,
 * A31).
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { groupState } from "../../rpc/balancer/address_list.ts";
import { ChildBalancer } from "../../rpc/balancer/child_balancer.ts";
import { objectOf } from "../../rpc/balancer/json_fields.ts";
import { type LoadBalancingConfig, requireBalancer } from "../../rpc/balancer/registry.ts";
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
  PickFailure,
  QUEUE_PICKER,
} from "../../rpc/balancer/types.ts";
import { XDS_CLUSTER } from "./xds_config.ts";

/** Configuration: the policies by name of the cluster. */
export type ClusterManagerConfig = ReadonlyMap<string, ConfiguredBalancer>;

/** The policy `xds_cluster_manager_experimental`. */
export const CLUSTER_MANAGER: BalancerPolicyDefinition<ClusterManagerConfig> = {
  name: "xds_cluster_manager_experimental",
  parseConfig(value) {
    const where = "xds_cluster_manager.children";
    const children = objectOf(objectOf(value, "xds_cluster_manager").children, where);
    return new Map(
      Object.entries(children).map(([name, child]) => {
        const at = `${where}.${name}`;
        const list = objectOf(child, at).childPolicy as LoadBalancingConfig;
        return [name, requireBalancer(list, `${at}.childPolicy`)];
      }),
    );
  },
  create: (host) => new ClusterManager(host),
};

interface Child {
  readonly balancer: ChildBalancer;
  state: ConnectivityState;
  picker: Picker;
}

class ClusterManager implements Balancer<ClusterManagerConfig> {
  readonly #host: BalancerHost;
  readonly #children = new Map<string, Child>();
  readonly #picker: ManagerPicker;
  #updating = false;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#picker = new ManagerPicker(this.#children);
  }

  update({ addresses, config, attributes }: BalancerUpdate<ClusterManagerConfig>): void {
    this.#updating = true;
    for (const [name, child] of this.#children) {
      if (config.has(name)) continue;
      this.#children.delete(name);
      child.balancer.close();
    }
    for (const [name, configured] of config) {
      const child = this.#children.get(name) ?? this.#make(name);
      child.balancer.update({ addresses, config: configured, attributes });
    }
    this.#updating = false;
    this.#changed();
  }

  exitIdle(): void {
    for (const { balancer } of this.#children.values()) balancer.exitIdle();
  }

  close(): void {
    this.#updating = true;
    for (const { balancer } of this.#children.values()) balancer.close();
    this.#children.clear();
  }

  #make(name: string): Child {
    const child: Child = {
      state: "CONNECTING",
      picker: QUEUE_PICKER,
      balancer: new ChildBalancer({
        ...this.#host,
        updateState: (state, picker) => {
          child.picker = picker;
          // A cluster that has failed counts as failed until it is ready (gRPC A62).
          if (child.state !== "TRANSIENT_FAILURE" || state !== "CONNECTING") child.state = state;
          if (!this.#updating) this.#changed();
        },
      }),
    };
    this.#children.set(name, child);
    return child;
  }

  #changed(): void {
    const state = groupState([...this.#children.values()].map((child) => child.state));
    this.#host.updateState(state, this.#picker);
  }
}

/** Picks by the picker of the call's cluster at the time of the pick. */
class ManagerPicker implements Picker {
  readonly dependsOnCall = true;
  readonly #children: ReadonlyMap<string, Child>;

  constructor(children: ReadonlyMap<string, Child>) {
    this.#children = children;
  }

  pick(call: PickedCall): BalancerSubchannel | PickFailure | undefined {
    const name = call.attributes?.[XDS_CLUSTER] as string;
    const child = this.#children.get(name);
    if (child !== undefined) return child.picker.pick(call);
    return new PickFailure(Status.UNAVAILABLE, `The route leads to the unknown cluster ${name}`);
  }
}
