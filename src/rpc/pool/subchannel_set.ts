/**
 * The subchannels of a channel: one per resolved address, and those of former addresses until their calls end.
 *
 * @module
 */

import { Releases } from "../core/releases.ts";
import type { Clock } from "../../call/clock.ts";
import type { FailureLog } from "../core/failure_log.ts";
import type { Connection } from "./connection.ts";
import type { AddressStats, ChannelState, ConnectionStats } from "./options.ts";
import { Resolution } from "./re_resolution.ts";
import type { Subchannel, SubchannelHooks } from "./subchannel.ts";

/** Configuration of a {@link SubchannelSet}. */
export interface SubchannelSetOptions {
  /** The target, for error texts. */
  readonly target: string;
  /** Resolves the target to addresses. */
  readonly resolve: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Makes a subchannel that connects to `address`. */
  readonly subchannel: (address: string, hooks: SubchannelHooks) => Subchannel;
  /** Smallest number of connections per address, until {@link SubchannelSet.resize} changes it. */
  readonly min: number;
  /** Largest number of connections per address, until {@link SubchannelSet.resize} changes it. */
  readonly max: number;
  /** Time limit of a resolution, in ms. */
  readonly resolveTimeoutMs: number;
  readonly minResolveIntervalMs: number;
  readonly clock: Clock;
  /** Called when a connection becomes ready, before it takes calls; health checks start here. */
  readonly onConnected?: (connection: Connection) => void;
  readonly log: (level: "debug" | "warn", message: string) => void;
  /** Logs failures of the application's hooks. */
  readonly failures: FailureLog;
}

/** Receives the events of a {@link SubchannelSet}. */
export interface SubchannelSetOwner {
  /** The set of ready connections may have changed. */
  onConnectionsChange(): void;
  /** Addresses were resolved, or resolution failed. */
  onAddressesChange(): void;
  /** A connection has a free slot. */
  onFree(): void;
}

/** Resolves a target and keeps a subchannel for each address. */
export class SubchannelSet {
  readonly #options: SubchannelSetOptions;
  readonly #owner: SubchannelSetOwner;
  /** Whether one address is used at a time (`pick_first`), else all of them. */
  readonly #oneAddress: boolean;
  readonly #hooks: SubchannelHooks;
  readonly #releases: Releases;
  #active: Subchannel[] = [];
  /** Subchannels of former addresses: they only finish their calls. */
  readonly #retired = new Set<Subchannel>();
  #resolution: Resolution | undefined = undefined;
  #resolveError: Error | undefined = undefined;
  #min: number;
  #max: number;
  #closed = false;
  /** Calls started on connections that are closed. */
  #pastCalls = 0;

  /** Creates a set without subchannels; `start` adds them. */
  constructor(options: SubchannelSetOptions, oneAddress: boolean, owner: SubchannelSetOwner) {
    this.#options = options;
    this.#oneAddress = oneAddress;
    this.#owner = owner;
    this.#releases = new Releases(options.clock);
    this.#min = options.min;
    this.#max = options.max;
    this.#hooks = {
      onChange: (subchannel) => this.#onChange(subchannel),
      onFailure: (error) => this.#onFailure(error),
      onFree: () => owner.onFree(),
      onConnected: (connection) => options.onConnected?.(connection),
      onGone: (connection) => {
        this.#pastCalls += connection.callsStarted;
        this.#releases.add(connection.released());
      },
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

  /** State of the channel while no connection is ready. */
  get stateWithoutReady(): ChannelState {
    if (this.#active.length === 0) {
      return this.#resolveError === undefined ? "CONNECTING" : "TRANSIENT_FAILURE";
    }
    const connecting = this.#active.some((one) =>
      one.state === "CONNECTING" || one.ready.some(({ checking }) => checking)
    );
    return connecting ? "CONNECTING" : "TRANSIENT_FAILURE";
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

  /** Resolves the target and connects. */
  start(): void {
    const { target, resolve, resolveTimeoutMs, minResolveIntervalMs, clock, failures, log } =
      this.#options;
    this.#resolution = new Resolution({
      target,
      resolve,
      timeoutMs: resolveTimeoutMs,
      minIntervalMs: minResolveIntervalMs,
      clock,
      failures,
      onAddresses: (addresses) => {
        this.#resolveError = undefined;
        this.#setAddresses(addresses);
      },
      onError: (error) => {
        this.#resolveError = error;
        log("warn", error.message);
        this.#owner.onAddressesChange();
      },
    });
    this.#resolution.start();
  }

  /** Drops all addresses; open calls finish. `start` resolves the target again. */
  clear(): void {
    this.#resolution?.close();
    this.#resolution = undefined;
    const old = this.#active;
    this.#active = [];
    for (const subchannel of old) this.#retire(subchannel);
  }

  /** Ends all connections and their calls. */
  close(reason: string): void {
    this.#closed = true;
    this.#resolution?.close();
    for (const subchannel of this.#active) subchannel.close(reason);
    for (const subchannel of this.#retired) subchannel.close(reason);
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

  /** Adds a connection to the address with the fewest, unless one is being dialled. */
  grow(): void {
    let smallest: Subchannel | undefined;
    for (const one of this.#active) {
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

  #setAddresses(addresses: string[]): void {
    const old = new Map(this.#active.map((one) => [one.address, one]));
    this.#active = addresses.map((address) => {
      const known = old.get(address);
      old.delete(address);
      return known ?? this.#options.subchannel(address, this.#hooks);
    });
    for (const gone of old.values()) {
      this.#options.log("debug", `${gone.address} is no longer an address of the target`);
      this.#retire(gone);
    }
    this.#activate();
    this.#owner.onAddressesChange();
  }

  #retire(subchannel: Subchannel): void {
    this.#retired.add(subchannel);
    subchannel.retire();
  }

  /**
   * Connects to all addresses. With `pick_first`, connects only to the ready address or, if none is ready, to the
   * addresses up to the first that has not failed.
   */
  #activate(): void {
    if (!this.#oneAddress) {
      for (const subchannel of this.#active) {
        if (subchannel.wanted === 0) subchannel.setWanted(this.#min);
      }
      return;
    }
    const ready = this.#active.find((one) => one.state === "READY");
    let found = false;
    for (const subchannel of this.#active) {
      const use = ready === undefined ? !found : subchannel === ready;
      if (!subchannel.failed) found = true;
      if (use && subchannel.wanted === 0) subchannel.setWanted(this.#min);
      if (!use && subchannel.wanted > 0) subchannel.setWanted(0);
    }
  }

  #onChange(subchannel: Subchannel): void {
    if (this.#retired.has(subchannel)) {
      if (subchannel.all.size === 0) this.#retired.delete(subchannel);
    } else if (!this.#closed) {
      this.#activate();
    }
    this.#owner.onConnectionsChange();
  }

  #onFailure(error: Error): void {
    this.#options.log("debug", error.message);
    this.#resolution?.again();
  }
}
