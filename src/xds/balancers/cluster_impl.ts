/**
 * `xds_cluster_impl_experimental`: drops calls as the endpoints' policy says, and limits the calls in flight (gRPC A27, A32).
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { ChildBalancer } from "../../rpc/balancer/child_balancer.ts";
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
  type ResolvedAddress,
  type SubchannelListener,
} from "../../rpc/balancer/types.ts";
import type { DropRule, SecurityConfig } from "../resources/types.ts";
import { RequestCounter, requestCounter } from "./request_counter.ts";
import { XDS_SECURITY } from "./xds_config.ts";

/** Configuration, which only `cds_experimental` makes. */
export interface ClusterImplConfig {
  readonly cluster: string;
  /** Name of the endpoints, which clusters with the same limit share. */
  readonly serviceName: string;
  readonly maxRequests: number;
  readonly drops: readonly DropRule[];
  readonly security: SecurityConfig | undefined;
  readonly childPolicy: ConfiguredBalancer;
}

/** The policy `xds_cluster_impl_experimental`. */
export const CLUSTER_IMPL: BalancerPolicyDefinition<ClusterImplConfig> = {
  name: "xds_cluster_impl_experimental",
  parseConfig() {
    throw new TypeError("Cannot use xds_cluster_impl_experimental in a service config");
  },
  create: (host) => new ClusterImpl(host),
};

const ALL_MILLIONTHS = 1_000_000;

class ClusterImpl implements Balancer<ClusterImplConfig> {
  readonly #host: BalancerHost;
  readonly #child: ChildBalancer;
  #config!: ClusterImplConfig;
  #counter = new RequestCounter();
  #state: ConnectivityState = "CONNECTING";
  #picker: Picker = QUEUE_PICKER;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#child = new ChildBalancer({
      ...host,
      createSubchannel: (address, listener) => this.#createSubchannel(address, listener),
      updateState: (state, picker) => {
        this.#state = state;
        this.#picker = picker;
        this.#changed();
      },
    });
  }

  update({ addresses, config, attributes }: BalancerUpdate<ClusterImplConfig>): void {
    const before = this.#config as ClusterImplConfig | undefined;
    this.#config = config;
    this.#counter = requestCounter(config.cluster, config.serviceName);
    const changed = before !== undefined && (before.maxRequests !== config.maxRequests ||
      JSON.stringify(before.drops) !== JSON.stringify(config.drops));
    this.#child.update({ addresses, config: config.childPolicy, attributes });
    if (changed) this.#changed();
  }

  exitIdle(): void {
    this.#child.exitIdle();
  }

  close(): void {
    this.#child.close();
  }

  #createSubchannel(address: ResolvedAddress, listener: SubchannelListener): BalancerSubchannel {
    const { security } = this.#config;
    const secured = security === undefined ? address : {
      ...address,
      attributes: { ...address.attributes, [XDS_SECURITY]: security },
    };
    const subchannel = this.#host.createSubchannel(secured, listener);
    this.#counter.add(subchannel);
    return subchannel;
  }

  #changed(): void {
    const { drops, maxRequests } = this.#config;
    this.#host.updateState(
      this.#state,
      new ClusterPicker(this.#picker, drops, maxRequests, this.#counter, this.#host.random),
    );
  }
}

/** Drops calls, refuses those above the limit, and leaves the others to the picker of the policy below. */
class ClusterPicker implements Picker {
  readonly dependsOnCall: boolean;
  readonly #child: Picker;
  readonly #drops: readonly DropRule[];
  readonly #maxRequests: number;
  readonly #counter: RequestCounter;
  readonly #random: () => number;

  constructor(
    child: Picker,
    drops: readonly DropRule[],
    maxRequests: number,
    counter: RequestCounter,
    random: () => number,
  ) {
    this.#child = child;
    this.#drops = drops;
    this.#maxRequests = maxRequests;
    this.#counter = counter;
    this.#random = random;
    // A dropped call must not wait behind others.
    this.dependsOnCall = child.dependsOnCall === true || drops.length > 0;
  }

  pick(call: PickedCall): BalancerSubchannel | PickFailure | undefined {
    for (const { category, share } of this.#drops) {
      if (this.#random() * ALL_MILLIONTHS < share) {
        return new PickFailure(Status.UNAVAILABLE, `The call was dropped (${category})`, true);
      }
    }
    if (!this.#counter.below(this.#maxRequests)) {
      const text = `The cluster has ${this.#maxRequests} calls in flight, its limit`;
      return new PickFailure(Status.UNAVAILABLE, text, true);
    }
    return this.#child.pick(call);
  }
}
