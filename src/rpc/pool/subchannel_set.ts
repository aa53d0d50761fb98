/**
 * The subchannels of a channel: those that its balancer uses, and former ones until their calls end.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Status } from "../../call/status.ts";
import { toError } from "../../errors.ts";
import { ChildBalancer } from "../balancer/child_balancer.ts";
import {
  type BalancerHost,
  type ConfiguredBalancer,
  type ConnectivityState,
  failingPicker,
  type Picker,
  type ResolvedAddress,
} from "../balancer/types.ts";
import type { BalancerObserver } from "../core/balancer_observer.ts";
import { Releases } from "../core/releases.ts";
import type { ResolverUpdate } from "../resolver/types.ts";
import type { Connection } from "./connection.ts";
import type { AddressStats, ConnectionStats } from "./options.ts";
import type { AddressSource } from "./re_resolution.ts";
import type { Subchannel, SubchannelHooks } from "./subchannel.ts";

/** Configuration of a {@link SubchannelSet}. */
export interface SubchannelSetOptions {
  /** The target, for error texts. */
  readonly target: string;
  /** Makes the source of addresses. */
  readonly source: (callbacks: SourceCallbacks) => AddressSource;
  /** Reads the service configs of updates. */
  readonly config: UpdateReader;
  /** Makes a subchannel that connects to `address`. */
  readonly subchannel: (address: ResolvedAddress, hooks: SubchannelHooks) => Subchannel;
  /** Smallest number of connections per address, until {@link SubchannelSet.resize} changes it. */
  readonly min: number;
  /** Largest number of connections per address, until {@link SubchannelSet.resize} changes it. */
  readonly max: number;
  readonly clock: Clock;
  /** Returns numbers from 0 to below 1. */
  readonly random: () => number;
  /** Called when a connection becomes ready, before it takes calls; health checks start here. */
  readonly onConnected?: (connection: Connection) => void;
  readonly log: (level: "debug" | "warn", message: string) => void;
  /** Receives what balancers do. Default none. */
  readonly observer?: BalancerObserver;
}

/** What the channel makes of the service configs of updates. */
export interface UpdateReader {
  /** Returns the policy for what was resolved. Throws for a service config that is not valid. */
  read(update: ResolverUpdate): ConfiguredBalancer;
  /** Called when the balancer has got what was read last. */
  apply(): void;
  /** Called when the channel is idle: the target is resolved again. */
  clear(): void;
}

/** Callbacks of a source of addresses. */
export interface SourceCallbacks {
  readonly onUpdate: (update: ResolverUpdate) => void;
  readonly onError: (error: Error) => void;
}

/** Receives the events of a {@link SubchannelSet}. */
export interface SubchannelSetOwner {
  /** The set of ready connections may have changed. */
  onConnectionsChange(): void;
  /** The balancer has a new state and picker. */
  onBalancerState(state: ConnectivityState, picker: Picker): void;
  /** A connection has a free slot. */
  onFree(): void;
}

/** Resolves a target, and keeps the subchannels that its balancer makes. */
export class SubchannelSet {
  readonly #options: SubchannelSetOptions;
  readonly #owner: SubchannelSetOwner;
  readonly #hooks: SubchannelHooks;
  readonly #releases: Releases;
  readonly #active: Subchannel[] = [];
  /** Subchannels of former addresses: they only finish their calls. */
  readonly #retired = new Set<Subchannel>();
  #source: AddressSource | undefined = undefined;
  #balancer: ChildBalancer | undefined = undefined;
  #min: number;
  #max: number;
  #closed = false;
  #resolveError: Error | undefined = undefined;
  /** Whether addresses were resolved at some time. */
  #known = false;
  /** Calls started on connections that are closed. */
  #pastCalls = 0;

  /** Creates a set without subchannels; `start` adds them. */
  constructor(options: SubchannelSetOptions, owner: SubchannelSetOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#releases = new Releases(options.clock);
    this.#min = options.min;
    this.#max = options.max;
    this.#hooks = {
      random: options.random,
      onChange: (subchannel) => this.#onChange(subchannel),
      onFailure: (error) => this.#onFailure(error),
      onFree: () => owner.onFree(),
      onConnected: (connection) => options.onConnected?.(connection),
      onGone: (connection) => {
        this.#pastCalls += connection.callsStarted;
        this.#releases.add(connection.released());
      },
      onWanted: (subchannel, wanted) => this.#onWanted(subchannel, wanted),
      onUnused: (subchannel) => this.#retire(subchannel),
    };
  }

  /** The subchannels of current addresses. */
  get active(): readonly Subchannel[] {
    return this.#active;
  }

  /** Connections that each address keeps. */
  get min(): number {
    return this.#min;
  }

  /** Connections that each address may have. */
  get max(): number {
    return this.#max;
  }

  /** Calls started so far, on closed connections too. */
  get callsStarted(): number {
    let sum = this.#pastCalls;
    for (const connection of this.connections()) sum += connection.callsStarted;
    return sum;
  }

  /** Error of the last listed address that has one; if none has, the error of the resolution. */
  get lastError(): Error | undefined {
    const errors = this.#active.map((one) => one.lastError).filter((e) => e !== undefined);
    return errors.at(-1) ?? this.#resolveError;
  }

  /**
   * Whether at least one address has `min` healthy connections, and each address in use has `min` ready connections
   * whose first health check is complete, unless dials to it fail.
   */
  get full(): boolean {
    const enough = (ready: readonly Connection[]) => ready.length >= this.#min;
    const used = this.#active.filter((one) => one.wanted > 0);
    return used.some((one) => enough(one.ready.filter(({ healthy }) => healthy))) &&
      used.every((one) => one.failing || enough(one.ready.filter(({ checking }) => !checking)));
  }

  /** Iterates over all open connections, those of former addresses included. */
  *connections(): Iterable<Connection> {
    for (const subchannel of this.#active) yield* subchannel.all;
    for (const subchannel of this.#retired) yield* subchannel.all;
  }

  /** Resolves the target, and gives its addresses to a balancer. */
  start(): void {
    this.#balancer = new ChildBalancer(this.#host());
    this.#source = this.#options.source({
      onUpdate: (update) => this.#onUpdate(update),
      onError: (error) => this.#onError(error),
    });
    this.#source.start();
  }

  /** Has the balancer connect although there are no calls. */
  exitIdle(): void {
    this.#balancer?.exitIdle();
  }

  /** Drops all addresses; open calls finish. `start` resolves the target again. */
  clear(): void {
    this.#source?.close();
    this.#balancer?.close();
    this.#source = this.#balancer = undefined;
    this.#known = false;
    this.#options.config.clear();
    for (const subchannel of [...this.#active]) this.#retire(subchannel);
  }

  /** Ends all connections and their calls. */
  close(reason: string): void {
    this.#closed = true;
    this.#source?.close();
    const all = [...this.#active, ...this.#retired];
    // The balancer must not react.
    for (const subchannel of all) subchannel.listener = undefined;
    for (const subchannel of all) subchannel.abort(reason);
    this.#balancer?.close();
  }

  /** Reads the health of all connections again. */
  refresh(): void {
    for (const subchannel of [...this.#active]) subchannel.refresh();
  }

  /** Resolves once the sockets of all closed connections are released, or after `timeoutMs`. */
  released(timeoutMs: number): Promise<void> {
    return this.#releases.wait(timeoutMs);
  }

  /** Sets how many connections each address in use may have. */
  resize(min: number, max: number): void {
    this.#min = min;
    this.#max = max;
    for (const subchannel of this.#active) {
      if (subchannel.wanted > 0) {
        subchannel.setWanted(Math.min(max, Math.max(min, subchannel.wanted)));
      }
    }
  }

  /** Adds a connection to the address with the fewest of `among`, unless one is being dialled. */
  grow(among: readonly Subchannel[] = this.#active): void {
    let smallest: Subchannel | undefined;
    for (const one of among) {
      if (one.connecting > 0 && !one.failing) return;
      // Fewer connections than wanted: dials failed, and the subchannel retries them automatically.
      const waits = one.failed || one.connecting > 0 || one.size < one.wanted;
      if (one.wanted === 0 || waits || one.size >= this.#max) continue;
      if (smallest === undefined || one.size < smallest.size) smallest = one;
    }
    smallest?.setWanted(smallest.size + 1);
  }

  /** Returns statistics of current addresses and of all open connections. */
  stats(): { addresses: AddressStats[]; connections: ConnectionStats[] } {
    return {
      addresses: this.#active.map((subchannel) => subchannel.stats()),
      connections: [...this.connections()].map((connection) => connection.stats()),
    };
  }

  #host(): BalancerHost {
    const { target, clock, random, log, observer } = this.#options;
    return {
      target,
      clock,
      random,
      createSubchannel: (address, listener) => {
        const subchannel = this.#options.subchannel(address, this.#hooks);
        subchannel.listener = listener;
        this.#active.push(subchannel);
        return subchannel;
      },
      updateState: (state, picker) => this.#owner.onBalancerState(state, picker),
      reresolve: () => this.#source?.again(),
      observer,
      log,
    };
  }

  #onUpdate(update: ResolverUpdate): void {
    let config: ConfiguredBalancer;
    try {
      config = this.#options.config.read(update);
    } catch (error) {
      return this.#onError(toError(error));
    }
    this.#known = true;
    this.#resolveError = undefined;
    const { attributes = {} } = update;
    this.#balancer!.update({ addresses: uniqueAddresses(update.addresses), config, attributes });
    this.#options.config.apply();
    this.#owner.onConnectionsChange();
  }

  #onError(error: Error): void {
    this.#options.log("warn", error.message);
    this.#resolveError = error;
    if (this.#known) return;
    this.#owner.onBalancerState(
      "TRANSIENT_FAILURE",
      failingPicker(Status.UNAVAILABLE, error.message),
    );
  }

  #retire(subchannel: Subchannel): void {
    const i = this.#active.indexOf(subchannel);
    if (i < 0) return;
    this.#active.splice(i, 1);
    subchannel.listener = undefined;
    // The channel is closing: the connections are aborted, not drained.
    if (this.#closed) return void this.#retired.add(subchannel);
    this.#options.log("debug", `${subchannel.address} is no longer used`);
    this.#retired.add(subchannel);
    subchannel.retire();
    if (subchannel.all.size === 0) this.#retired.delete(subchannel);
    this.#owner.onConnectionsChange();
  }

  #onWanted(subchannel: Subchannel, wanted: boolean): void {
    if (this.#closed || this.#retired.has(subchannel)) return;
    if (wanted && subchannel.wanted === 0) subchannel.setWanted(this.#min);
    else if (!wanted && subchannel.wanted > 0) subchannel.setWanted(0);
    subchannel.refresh();
  }

  #onChange(subchannel: Subchannel): void {
    if (this.#retired.has(subchannel)) {
      if (subchannel.all.size === 0) this.#retired.delete(subchannel);
    } else if (!this.#closed) {
      subchannel.refresh();
    }
    this.#owner.onConnectionsChange();
  }

  #onFailure(error: Error): void {
    this.#options.log("debug", error.message);
    this.#source?.again();
  }
}

/** Returns the addresses as objects, each once: the first of those with the same text. */
function uniqueAddresses(addresses: ResolverUpdate["addresses"]): ResolvedAddress[] {
  const byText = new Map<string, ResolvedAddress>();
  for (const one of addresses) {
    const address = typeof one === "string" ? { address: one } : one;
    if (!byText.has(address.address)) byText.set(address.address, address);
  }
  return [...byText.values()];
}
