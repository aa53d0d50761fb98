/**
 * A balancer under another one, which changes its policy without an interruption.
 *
 * @module
 */

import {
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerUpdate,
  type ConfiguredBalancer,
  type ConnectivityState,
  type Picker,
  QUEUE_PICKER,
} from "./types.ts";

/** One policy of a {@link ChildBalancer}. */
interface Child {
  readonly policy: BalancerPolicyDefinition;
  balancer: Balancer;
  state: ConnectivityState;
  picker: Picker;
}

/**
 * Holds a balancer of any policy. When the policy changes, the former one serves calls until the new one has left
 * CONNECTING, or itself is no longer READY.
 */
export class ChildBalancer implements Balancer<ConfiguredBalancer> {
  readonly #host: BalancerHost;
  #current: Child | undefined = undefined;
  #pending: Child | undefined = undefined;

  /** `host` gets the state and the picker of the child. */
  constructor(host: BalancerHost) {
    this.#host = host;
  }

  update({ addresses, config, attributes }: BalancerUpdate<ConfiguredBalancer>): void {
    const latest = this.#pending ?? this.#current;
    const input = { addresses, config: config.config, attributes };
    if (latest?.policy === config.policy) return latest.balancer.update(input);
    this.#pending?.balancer.close();
    const child = this.#make(config.policy);
    if (this.#current === undefined) this.#current = child;
    else this.#pending = child;
    child.balancer.update(input);
  }

  exitIdle(): void {
    this.#current?.balancer.exitIdle?.();
    this.#pending?.balancer.exitIdle?.();
  }

  close(): void {
    this.#current?.balancer.close();
    this.#pending?.balancer.close();
    this.#current = this.#pending = undefined;
  }

  #make(policy: BalancerPolicyDefinition): Child {
    const host = this.#host;
    const child: Child = {
      policy,
      balancer: undefined as unknown as Balancer,
      state: "CONNECTING",
      picker: QUEUE_PICKER,
    };
    child.balancer = policy.create({
      target: host.target,
      clock: host.clock,
      random: host.random,
      observer: host.observer,
      createSubchannel: (address, listener) => host.createSubchannel(address, listener),
      reresolve: () => host.reresolve(),
      log: (level, message) => host.log(level, message),
      updateState: (state, picker) => {
        child.state = state;
        child.picker = picker;
        this.#changed(child);
      },
    });
    return child;
  }

  #changed(child: Child): void {
    if (child === this.#pending) {
      if (child.state === "CONNECTING" && this.#current!.state === "READY") return;
      this.#promote();
    } else if (child === this.#current) {
      if (child.state !== "READY" && this.#pending !== undefined) this.#promote();
      else this.#host.updateState(child.state, child.picker);
    }
  }

  #promote(): void {
    const former = this.#current!;
    const { state, picker } = this.#current = this.#pending!;
    this.#pending = undefined;
    this.#host.updateState(state, picker);
    former.balancer.close();
  }
}
