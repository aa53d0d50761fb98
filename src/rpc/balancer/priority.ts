/**
 * `priority`: groups of addresses in order, of which the first that works gets all calls (gRPC A56).
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { ChildBalancer } from "./child_balancer.ts";
import { addressesByChild } from "./hierarchy.ts";
import { booleanField, objectOf, wrong } from "./json_fields.ts";
import { type LoadBalancingConfig, requireBalancer } from "./registry.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerUpdate,
  type ConfiguredBalancer,
  type ConnectivityState,
  failingPicker,
  type Picker,
  QUEUE_PICKER,
  type ResolvedAddress,
} from "./types.ts";

/** Configuration of `priority`. */
export interface PriorityConfig {
  /** Names of the groups, the most preferred first. */
  readonly priorities: readonly string[];
  readonly children: ReadonlyMap<
    string,
    { readonly config: ConfiguredBalancer; readonly ignoreReresolutionRequests: boolean }
  >;
}

/** The policy `priority`, which gRPC calls `priority_experimental`. */
export const PRIORITY: BalancerPolicyDefinition<PriorityConfig> = {
  name: "priority",
  parseConfig(value) {
    const json = objectOf(value, "priority");
    const priorities = (json.priorities ?? []) as readonly string[];
    const children = new Map(
      Object.entries(objectOf(json.children ?? {}, "priority.children")).map(([name, child]) => {
        const where = `priority.children.${name}`;
        const fields = objectOf(child, where);
        const list = fields.config as LoadBalancingConfig;
        return [name, {
          config: requireBalancer(list, `${where}.config`),
          ignoreReresolutionRequests: booleanField(fields, "ignoreReresolutionRequests", where),
        }];
      }),
    );
    const valid = Array.isArray(priorities) && new Set(priorities).size === priorities.length &&
      priorities.every((name) => children.has(name));
    if (!valid) {
      throw wrong("priority.priorities", "it must be a list of different names of children");
    }
    return { priorities, children };
  },
  create: (host) => new Priority(host),
};

// gRPC A56: time for a group to connect before the next one is used as well.
const FAILOVER_MS = 10_000;
// gRPC A56: time that a group which is not used any more keeps its connections.
const RETENTION_MS = 15 * 60_000;

interface Child {
  readonly balancer: ChildBalancer;
  state: ConnectivityState;
  picker: Picker;
  ignoresReresolution: boolean;
  /** Runs while the group has not decided between ready and failed. */
  failover: unknown;
  /** Runs while the group is not used. */
  retention: unknown;
}

class Priority implements Balancer<PriorityConfig> {
  readonly #host: BalancerHost;
  readonly #children = new Map<string, Child>();
  #config: PriorityConfig = { priorities: [], children: new Map() };
  #addresses = new Map<string, ResolvedAddress[]>();
  #attributes: BalancerUpdate["attributes"] = {};
  #choosing = false;
  #again = false;

  constructor(host: BalancerHost) {
    this.#host = host;
  }

  update({ addresses, config, attributes }: BalancerUpdate<PriorityConfig>): void {
    this.#config = config;
    this.#addresses = addressesByChild(addresses);
    this.#attributes = attributes;
    this.#choosing = true;
    for (const [name, child] of this.#children) {
      if (config.children.has(name)) this.#updateChild(name, child);
      else this.#retire(name, child);
    }
    this.#choosing = false;
    this.#choose();
  }

  exitIdle(): void {
    for (const { balancer } of this.#children.values()) balancer.exitIdle();
  }

  close(): void {
    this.#choosing = true;
    for (const [name, child] of [...this.#children]) this.#drop(name, child);
  }

  /** Uses the first group that works, or the first that may yet; makes groups on the way. */
  #choose(): void {
    if (this.#choosing) {
      this.#again = true;
      return;
    }
    this.#choosing = true;
    do {
      this.#again = false;
      this.#chooseOnce();
    } while (this.#again);
    this.#choosing = false;
  }

  #chooseOnce(): void {
    const { priorities } = this.#config;
    if (priorities.length === 0) {
      const message = `Cannot connect to ${this.#host.target}: it has no priorities`;
      return this.#host.updateState(
        "TRANSIENT_FAILURE",
        failingPicker(Status.UNAVAILABLE, message),
      );
    }
    for (const [i, name] of priorities.entries()) {
      const child = this.#children.get(name) ?? this.#make(name);
      this.#keep(child);
      const waits = child.state === "CONNECTING" && child.failover !== undefined;
      if (child.state === "READY" || child.state === "IDLE" || waits) return this.#use(i, child);
    }
    // No group works: the first that is still connecting, else the last one.
    const connecting = priorities.findIndex((name) =>
      this.#children.get(name)!.state === "CONNECTING"
    );
    const i = connecting < 0 ? priorities.length - 1 : connecting;
    this.#use(i, this.#children.get(priorities[i])!, false);
  }

  #use(index: number, child: Child, retire = true): void {
    if (retire) {
      for (const [name, other] of this.#children) {
        const at = this.#config.priorities.indexOf(name);
        if (at < 0 || at > index) this.#retire(name, other);
      }
    }
    this.#host.updateState(child.state, child.picker);
  }

  #make(name: string): Child {
    const child: Child = {
      balancer: new ChildBalancer({
        ...this.#host,
        reresolve: () => {
          if (!child.ignoresReresolution) this.#host.reresolve();
        },
        updateState: (state, picker) => this.#changed(child, state, picker),
      }),
      state: "CONNECTING",
      picker: QUEUE_PICKER,
      ignoresReresolution: false,
      failover: undefined,
      retention: undefined,
    };
    this.#children.set(name, child);
    this.#startFailover(child);
    this.#updateChild(name, child);
    return child;
  }

  #updateChild(name: string, child: Child): void {
    const { config, ignoreReresolutionRequests } = this.#config.children.get(name)!;
    child.ignoresReresolution = ignoreReresolutionRequests;
    const addresses = this.#addresses.get(name) ?? [];
    child.balancer.update({ addresses, config, attributes: this.#attributes });
  }

  #changed(child: Child, state: ConnectivityState, picker: Picker): void {
    const worked = child.state === "READY" || child.state === "IDLE";
    child.state = state;
    child.picker = picker;
    if (state !== "CONNECTING") this.#stopFailover(child);
    else if (worked) this.#startFailover(child);
    this.#choose();
  }

  #startFailover(child: Child): void {
    child.failover ??= this.#host.clock.setTimer(() => {
      child.failover = undefined;
      this.#choose();
    }, FAILOVER_MS);
  }

  #stopFailover(child: Child): void {
    if (child.failover !== undefined) this.#host.clock.clearTimer(child.failover);
    child.failover = undefined;
  }

  #keep(child: Child): void {
    if (child.retention !== undefined) this.#host.clock.clearTimer(child.retention);
    child.retention = undefined;
  }

  #retire(name: string, child: Child): void {
    child.retention ??= this.#host.clock.setTimer(() => this.#drop(name, child), RETENTION_MS);
  }

  #drop(name: string, child: Child): void {
    this.#keep(child);
    this.#stopFailover(child);
    this.#children.delete(name);
    child.balancer.close();
  }
}
