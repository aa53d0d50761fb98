/**
 * The connections to one address: keeps their number, and retries failed dials with back-off.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type {
  BalancerSubchannel,
  ConnectivityState,
  SubchannelListener,
  SubchannelStream,
} from "../balancer/types.ts";
import type { ChannelEntry } from "../core/inventory.ts";
import type { Backoff } from "./backoff.ts";
import type { AddressStats, ChannelState } from "./options.ts";
import { Connection, type ConnectionOptions, type PooledConnectionOwner } from "./connection.ts";
import type { BalancerObserver } from "../core/balancer_observer.ts";
import { pickOfSeveral } from "./connection_choice.ts";
import { disconnectReason } from "./disconnect_reason.ts";
import { openStream } from "./subchannel_stream.ts";

/** Callbacks of a subchannel. */
export interface SubchannelHooks {
  /** `ready`, `all` or `failed` has changed. */
  readonly onChange: (subchannel: Subchannel) => void;
  /** A dial failed, or a ready connection was lost. */
  readonly onFailure: (error: Error) => void;
  /** A connection has a free slot. */
  readonly onFree: () => void;
  /** A connection became ready. */
  readonly onConnected: (connection: Connection) => void;
  /** A connection has closed. */
  readonly onGone: (connection: Connection) => void;
  /** The balancer wants the address to be connected, or not. */
  readonly onWanted: (subchannel: Subchannel, wanted: boolean) => void;
  /** The balancer does not need the address any more. */
  readonly onUnused: (subchannel: Subchannel) => void;
  /** Returns numbers from 0 to below 1. */
  readonly random: () => number;
}

/** Configuration and callbacks of a {@link Subchannel}. */
export interface SubchannelOptions extends SubchannelHooks {
  readonly connection: ConnectionOptions;
  readonly backoff: Backoff;
  readonly clock: Clock;
  /** Receives the connections that are made and lost. Default none. */
  readonly observer?: BalancerObserver;
  /** The channel in the inventory of the process, if there is one. */
  readonly entry?: ChannelEntry;
}

/** Connections to one address. */
export class Subchannel implements PooledConnectionOwner, BalancerSubchannel {
  readonly address: string;
  /** Receives the state; undefined when there is no balancer. */
  listener: SubchannelListener | undefined = undefined;
  /** Healthy connections that take calls. */
  #usable: Connection[] = [];
  #reported: ConnectivityState = "IDLE";
  #reportedError: Error | undefined = undefined;
  /** Connections that take calls. */
  readonly ready: Connection[] = [];
  /** All connections that are not closed: connecting, ready and draining. */
  readonly all = new Set<Connection>();
  /** Target number of connections; 0 while the address is not used. */
  wanted = 0;
  /** Whether the address is in TRANSIENT_FAILURE, which lasts until a connection is ready. */
  failed = false;
  /** Failed dials since the last successful one. */
  failures = 0;
  lastError: Error | undefined = undefined;
  readonly #options: SubchannelOptions;
  #connecting = 0;
  #lastDialMs = -Infinity;
  #nextDialMs = -Infinity;
  /** Number of consecutive connections lost less than `initialBackoffMs` after their dial began. */
  #shortLived = 0;
  #timer: unknown = undefined;
  #closed = false;

  /** Does not connect until `setWanted`. */
  constructor(options: SubchannelOptions) {
    this.address = options.connection.address;
    this.#options = options;
  }

  /** Ready and connecting connections. */
  get size(): number {
    return this.ready.length + this.#connecting;
  }

  /** Dials under way. */
  get connecting(): number {
    return this.#connecting;
  }

  /**
   * Whether dials fail: all of them, or those for additional connections beside a ready one. Failures of additional
   * dials are forgotten when the last ready connection is lost: they do not predict those of the only connection.
   */
  get failing(): boolean {
    return this.failed || (this.failures > 0 && this.ready.length > 0);
  }

  /** Connectivity state of this address alone. */
  get state(): ChannelState {
    if (this.#closed) return "SHUTDOWN";
    if (this.ready.length > 0) return "READY";
    if (this.wanted === 0) return "IDLE";
    return this.failed ? "TRANSIENT_FAILURE" : "CONNECTING";
  }

  // ---- for the balancer --------------------------------------------------------------------------------

  /** Whether one of the connections can start another call. */
  get free(): boolean {
    const usable = this.#usable;
    if (usable.length === 1) return usable[0].free;
    for (const one of usable) if (one.free) return true;
    return false;
  }

  /** Calls in flight. */
  get load(): number {
    let load = 0;
    for (const one of this.#usable) load += one.load;
    return load;
  }

  /** Healthy connections that take calls. */
  get usable(): readonly Connection[] {
    return this.#usable;
  }

  connect(): void {
    this.#options.onWanted(this, true);
  }

  disconnect(): void {
    this.#options.onWanted(this, false);
  }

  stream(call: SubchannelStream): () => void {
    const connection = this.pick();
    if (connection === undefined) {
      throw new RangeError(`Cannot open a stream to ${this.address}: no connection is free`);
    }
    return openStream(connection, call);
  }

  /** Returns a free connection, undefined if there is none. */
  pick(): Connection | undefined {
    const usable = this.#usable;
    const { length } = usable;
    if (length === 1) return usable[0].free ? usable[0] : undefined;
    if (length === 0) return undefined;
    return pickOfSeveral(usable, this.#options.random);
  }

  /** Updates the usable connections, and tells the balancer if the state has changed. */
  refresh(): void {
    this.#usable = this.ready.filter((connection) => connection.healthy);
    const state = this.#balancedState();
    const error = state === "TRANSIENT_FAILURE" ? this.lastError : undefined;
    if (state === this.#reported && error === this.#reportedError) return;
    this.#reported = state;
    this.#reportedError = error;
    this.listener?.onState(state, error);
  }

  #balancedState(): ConnectivityState {
    if (this.#usable.length > 0) return "READY";
    if (this.wanted === 0) return "IDLE";
    if (this.ready.some(({ checking }) => checking)) return "CONNECTING";
    return this.failed || this.ready.length > 0 ? "TRANSIENT_FAILURE" : "CONNECTING";
  }

  // ---- for the set -------------------------------------------------------------------------------------

  /** Dials or drains connections so that there are `count`. */
  setWanted(count: number): void {
    this.wanted = count;
    for (const connection of this.all) {
      if (this.size <= count) break;
      if (connection.state === "connecting") connection.drain();
    }
    while (this.ready.length > count) this.#leastBusy().drain();
    this.ensure();
  }

  /** Dials missing connections, or schedules that for the end of the back-off. */
  ensure(): void {
    if (this.#closed) return;
    while (this.size < this.wanted) {
      // While dials fail, only one is in progress at a time.
      if (this.failing && this.#connecting > 0) return;
      const nowMs = this.#options.clock.now();
      if (nowMs < this.#nextDialMs) return this.#wait(this.#nextDialMs - nowMs);
      this.#dial(nowMs);
    }
  }

  /** Resets the back-off and dials missing connections now. */
  resetBackoff(): void {
    this.#options.backoff.reset();
    this.#nextDialMs = -Infinity;
    this.#clearTimer();
    this.ensure();
  }

  /** Drains all connections. The subchannel cannot be used again. */
  retire(): void {
    this.#closed = true;
    this.#usable = [];
    this.#clearTimer();
    this.wanted = 0;
    for (const connection of this.all) connection.drain();
  }

  /** Drains all connections, because the balancer does not need the address any more. */
  close(): void {
    this.#options.onUnused(this);
  }

  /** Ends all connections and their calls. The subchannel cannot be used again. */
  abort(reason: string): void {
    this.#closed = true;
    this.#usable = [];
    this.#clearTimer();
    this.wanted = 0;
    for (const connection of this.all) connection.abort(reason);
  }

  /** Returns statistics. */
  stats(): AddressStats {
    return {
      address: this.address,
      state: this.state,
      failures: this.failures,
      lastError: this.lastError?.message,
    };
  }

  #leastBusy(): Connection {
    return this.ready.reduce((best, one) => one.load < best.load ? one : best);
  }

  #dial(nowMs: number): void {
    this.#lastDialMs = nowMs;
    this.#connecting++;
    const { connection: options, entry } = this.#options;
    const connection = entry === undefined
      ? new Connection(options, this)
      : entry.connected(this, options.observer, (observer) =>
        new Connection({ ...options, observer }, this));
    connection.callListener = this.listener?.onCallEnd;
    this.all.add(connection);
    connection.start();
  }

  #wait(delayMs: number): void {
    this.#timer ??= this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.ensure();
    }, delayMs);
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  // A lost connection is replaced at once, unless the one before it was short-lived too: a server that closes each new
  // connection must not be dialled in a tight loop. A connection that ended with its call does not count.
  #lost(connection: Connection): void {
    const { backoff, clock } = this.#options;
    if (this.ready.length === 0) {
      // The back-off stems from dials of additional connections and does not apply to replacing the last one.
      backoff.reset();
      this.#nextDialMs = -Infinity;
      this.#clearTimer();
    }
    const young = !connection.endedByCall && clock.now() - connection.startedMs < backoff.initialMs;
    this.#shortLived = young ? this.#shortLived + 1 : 0;
    if (this.#shortLived > 1) this.#nextDialMs = this.#lastDialMs + backoff.initialMs;
  }

  #disconnected(connection: Connection, error: Error | undefined): void {
    const { observer } = this.#options;
    if (observer === undefined) return;
    observer.disconnected(this.address, connection.secure, disconnectReason(connection, error));
  }

  #remove(connection: Connection): boolean {
    const i = this.ready.indexOf(connection);
    if (i >= 0) this.ready.splice(i, 1);
    return i >= 0;
  }

  // ---- from connections --------------------------------------------------------------------------------

  onReady(connection: Connection): void {
    this.#connecting--;
    if (this.#closed) return connection.drain();
    this.failed = false;
    this.failures = 0;
    this.#options.backoff.reset();
    this.ready.push(connection);
    this.#options.observer?.connected(this.address, connection.secure);
    this.#options.onConnected(connection);
    this.#options.onChange(this);
    this.ensure();
  }

  onDraining(connection: Connection): void {
    if (!this.#remove(connection)) return;
    this.#disconnected(connection, undefined);
    if (this.#closed) return;
    this.#options.onChange(this);
    this.#lost(connection);
    this.ensure();
  }

  onClosed(connection: Connection, error: Error): void {
    this.all.delete(connection);
    this.#options.onGone(connection);
    const wasReady = this.#remove(connection);
    const wasConnecting = connection.wasConnecting;
    if (wasConnecting) this.#connecting--;
    if (wasReady) this.#disconnected(connection, error);
    if (this.#closed || (wasConnecting && this.size >= this.wanted)) {
      this.#options.onChange(this);
      return;
    }
    if (wasConnecting) {
      // A failed extra dial does not mark a READY address as failed.
      this.failed = this.ready.length === 0;
      this.failures++;
      this.lastError = error;
      this.#options.observer?.connectFailed(this.address);
      this.#nextDialMs = this.#lastDialMs + this.#options.backoff.next();
    } else if (wasReady) {
      this.lastError = error;
      this.#lost(connection);
    }
    this.#options.onChange(this);
    if (wasReady || wasConnecting) this.#options.onFailure(error);
    this.ensure();
  }

  onFree(): void {
    this.#options.onFree();
  }
}
