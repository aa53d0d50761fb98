/**
 * Load balancing policies of your own: the interface between a channel and its balancer, and their registration.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { ReadyBalancer, registerBalancer } from "@vrpc/vrpc/balancer";
 *
 * registerBalancer({
 *   name: "example.random",
 *   create: (host) =>
 *     new ReadyBalancer(host, (ready) => ({
 *       pick: () => ready[Math.floor(host.random() * ready.length)].subchannel,
 *     })),
 * });
 * await using channel = connect(["127.0.0.1:1", "127.0.0.1:2"], { balancer: "example.random" });
 * ```
 *
 * @module
 */

export type { Clock } from "../../call/clock.ts";
export {
  type AddressEntry,
  AddressList,
  groupFailure,
  groupState,
  ReadyBalancer,
  type ReadyPicker,
} from "./address_list.ts";
export type { BalancerObserver, WeightFigures } from "../core/balancer_observer.ts";
export { ChildBalancer } from "./child_balancer.ts";
export {
  type BalancerPolicy,
  chooseBalancer,
  type LoadBalancingConfig,
  registerBalancer,
} from "./registry.ts";
export {
  type Attributes,
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerSubchannel,
  type BalancerUpdate,
  type ConfiguredBalancer,
  type ConnectivityState,
  failingPicker,
  type PickedCall,
  type Picker,
  PickFailure,
  QUEUE_PICKER,
  REQUEST_HASH,
  type ResolvedAddress,
  SinglePicker,
  type SubchannelListener,
  type SubchannelStream,
} from "./types.ts";
