/**
 * All connections to one address: how many there should be, and when to try again.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Backoff } from "./backoff.ts";
import type { AddressStats, ChannelState } from "./options.ts";
import { Connection, type ConnectionOptions, type PooledConnectionOwner } from "./connection.ts";

/** Whom a subchannel tells. */
export interface SubchannelHooks {
  /** Connections that can be used have come or gone. */
  readonly onChange: (subchannel: Subchannel) => void;
  /** A dial failed, or a connection that was in use was lost. */
  readonly onFailure: (subchannel: Subchannel, error: Error) => void;
  /** A call can be started. */
  readonly onFree: () => void;
  /** A connection became ready. */
  readonly onConnected: (connection: Connection) => void;
  /** A connection is closed. */
  readonly onGone: (connection: Connection) => void;
}

/** What a subchannel needs. */
export interface SubchannelOptions extends SubchannelHooks {
  readonly connection: ConnectionOptions;
  readonly backoff: Backoff;
  readonly clock: Clock;
}

/** The connections to one address. */
export class Subchannel implements PooledConnectionOwner {
  readonly address: string;
  /** Connections that take calls. */
  readonly ready: Connection[] = [];
  /** Every connection that isn't closed. */
  readonly all = new Set<Connection>();
  /** How many connections there should be; 0 while it isn't used. */
  wanted = 0;
  /** Whether connecting failed since a connection was ready: gRPC's sticky TRANSIENT_FAILURE. */
  failed = false;
  failures = 0;
  lastError: Error | undefined = undefined;
  readonly #options: SubchannelOptions;
  #connecting = 0;
  #lastDialMs = -Infinity;
  #nextDialMs = -Infinity;
  /** Connections in a row that did not live for as long as the first back-off. */
  #shortLived = 0;
  #timer: unknown = undefined;
  #closed = false;

  /** Does nothing until `setWanted`. */
  constructor(options: SubchannelOptions) {
    this.address = options.connection.address;
    this.#options = options;
  }

  /** Connections that take calls or are on their way. */
  get size(): number {
    return this.ready.length + this.#connecting;
  }

  /** Dials under way. */
  get connecting(): number {
    return this.#connecting;
  }

  /**
   * Whether dials fail, perhaps only those for further connections. When the last connection goes, that is forgotten:
   * a dial that is still under way for a further one is not what to wait for.
   */
  get failing(): boolean {
    return this.failed || (this.failures > 0 && this.ready.length > 0);
  }

  /** The state of this address alone. */
  get state(): ChannelState {
    if (this.#closed) return "SHUTDOWN";
    if (this.ready.length > 0) return "READY";
    if (this.wanted === 0) return "IDLE";
    return this.failed ? "TRANSIENT_FAILURE" : "CONNECTING";
  }

  /** Connects or drains until there are `count`. */
  setWanted(count: number): void {
    this.wanted = count;
    for (const connection of this.all) {
      if (this.size <= count) break;
      if (connection.state === "connecting") connection.drain();
    }
    while (this.ready.length > count) this.#leastBusy().drain();
    this.ensure();
  }

  /** Dials what is missing, unless it is too early after a failure. */
  ensure(): void {
    if (this.#closed) return;
    while (this.size < this.wanted) {
      // While dials fail, one at a time finds out whether they do again.
      if (this.failing && this.#connecting > 0) return;
      const nowMs = this.#options.clock.now();
      if (nowMs < this.#nextDialMs) return this.#wait(this.#nextDialMs - nowMs);
      this.#dial(nowMs);
    }
  }

  /** Forgets the back-off: the next `ensure` dials at once. */
  resetBackoff(): void {
    this.#options.backoff.reset();
    this.#nextDialMs = -Infinity;
    this.#clearTimer();
    this.ensure();
  }

  /** No new calls; open ones finish. It can't be used again. */
  retire(): void {
    this.#closed = true;
    this.#clearTimer();
    this.wanted = 0;
    for (const connection of this.all) connection.drain();
  }

  /** Ends everything at once. It can't be used again. */
  close(reason: string): void {
    this.#closed = true;
    this.#clearTimer();
    this.wanted = 0;
    for (const connection of this.all) connection.abort(reason);
  }

  /** Figures. */
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
    const connection = new Connection(this.#options.connection, this);
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

  // A connection that is gone is made anew at once; but a server that always hangs up on fresh connections
  // must not be dialled in a tight loop.
  #lost(connection: Connection): void {
    const { backoff, clock } = this.#options;
    if (this.ready.length === 0) {
      // What further connections had to wait for was not for the only one.
      backoff.reset();
      this.#nextDialMs = -Infinity;
      this.#clearTimer();
    }
    const young = clock.now() - connection.startedMs < backoff.initialMs;
    this.#shortLived = young ? this.#shortLived + 1 : 0;
    if (this.#shortLived > 1) this.#nextDialMs = this.#lastDialMs + backoff.initialMs;
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
    this.#options.onConnected(connection);
    this.#options.onChange(this);
    this.ensure();
  }

  onDraining(connection: Connection): void {
    if (!this.#remove(connection)) return;
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
    if (this.#closed || (wasConnecting && this.size >= this.wanted)) {
      this.#options.onChange(this);
      return;
    }
    if (wasConnecting) {
      // One more that can't be had says nothing of an address that serves.
      this.failed = this.ready.length === 0;
      this.failures++;
      this.lastError = error;
      this.#nextDialMs = this.#lastDialMs + this.#options.backoff.next();
    } else if (wasReady) {
      this.lastError = error;
      this.#lost(connection);
    }
    this.#options.onChange(this);
    if (wasReady || wasConnecting) this.#options.onFailure(this, error);
    this.ensure();
  }

  onFree(): void {
    this.#options.onFree();
  }
}
