/**
 * The connection pool of a channel: picks a connection for each call and queues calls that have to wait for one.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import {
  type ConnectivityState,
  type PickedCall,
  type Picker,
  PickFailure,
  QUEUE_PICKER,
  SinglePicker,
} from "../balancer/types.ts";
import type { Connection } from "./connection.ts";
import type { AddressStats, ChannelState, ConnectionStats } from "./options.ts";
import { PickQueue, type PickWaiter } from "./pick_queue.ts";
import { ProcessRef } from "./process_ref.ts";
import type { Subchannel } from "./subchannel.ts";
import {
  SubchannelSet,
  type SubchannelSetOptions,
  type SubchannelSetOwner,
} from "./subchannel_set.ts";
import { PoolTrimmer, type TrimmedPool } from "./trimmer.ts";

/** Configuration of a {@link Pool}; times are ms. */
export interface PoolOptions extends SubchannelSetOptions {
  readonly shrinkAfterMs: number;
  readonly idleTimeoutMs: number;
  readonly maxQueuedCalls: number;
}

/** Time for closed sockets to be released. */
const RELEASE_MS = 1_000;
const CLOSED = "The channel is closed";

/** Connections to all addresses of a target, and the calls that wait for them. */
export class Pool implements TrimmedPool, SubchannelSetOwner {
  /** Healthy connections that take calls. */
  #ready: Connection[] = [];
  #picker: Picker = QUEUE_PICKER;
  /** The only connection of a {@link SinglePicker}, which then takes all calls. */
  #only: Connection | undefined = undefined;
  /** Result of the latest `tryPick` without a connection. */
  #failure: PickFailure | undefined = undefined;
  /** Subchannels that were chosen for calls, but are not free. */
  readonly #full = new Set<Subchannel>();
  #state: ChannelState = "IDLE";
  /** Whether there is a balancer. */
  #active = false;
  readonly #options: PoolOptions;
  readonly #set: SubchannelSet;
  readonly #queue: PickQueue;
  readonly #watchers = new Set<() => void>();
  readonly #processRef = new ProcessRef();
  readonly #trimmer: PoolTrimmer;
  #serveQueued = false;
  /** Timers of the ends of replaced connections. */
  readonly #renewals = new Set<unknown>();
  readonly #serveNow = () => this.#serve();

  /** Creates an idle pool, which connects at the first call or at `activate`. */
  constructor(options: PoolOptions) {
    this.#options = options;
    this.#queue = new PickQueue(options.maxQueuedCalls);
    this.#set = new SubchannelSet(options, this);
    this.#trimmer = new PoolTrimmer(this, options);
  }

  /** The channel's connectivity state. */
  get state(): ChannelState {
    return this.#state;
  }

  /** Calls that wait for a connection. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Calls started so far. */
  get callsStarted(): number {
    return this.#set.callsStarted;
  }

  get subchannels(): readonly Subchannel[] {
    return this.#set.active;
  }

  get min(): number {
    return this.#set.min;
  }

  /** Largest number of connections to an address. */
  get maxConnections(): number {
    return this.#set.max;
  }

  get busy(): boolean {
    return this.queued > 0 || [...this.#set.connections()].some((one) => one.load > 0);
  }

  // ---- calls -------------------------------------------------------------------------------------------

  /** Returns a connection for a call that starts at once; undefined if the call has to `enqueue`. */
  tryPick(call: PickedCall): Connection | undefined {
    if (this.#queue.size > 0) return undefined;
    const only = this.#only;
    if (only !== undefined) return only.free ? only : undefined;
    const result = this.#pick(call);
    if (!(result instanceof PickFailure)) return result;
    this.#failure = result;
    return undefined;
  }

  #pick(call: PickedCall): Connection | PickFailure | undefined {
    const picked = this.#picker.pick(call);
    if (picked === undefined || picked instanceof PickFailure) return picked;
    const subchannel = picked as Subchannel;
    const connection = subchannel.pick();
    if (connection === undefined) this.#full.add(subchannel);
    return connection;
  }

  /** Like `tryPick`, but for a batched call: a connection with an open batch stream needs no free slot. */
  tryPickBatched(call: PickedCall): Connection | undefined {
    const free = this.tryPick(call);
    if (free !== undefined || this.#failure !== undefined) return free;
    let best: Connection | undefined;
    for (const one of this.#ready) {
      if (one.batch !== undefined && (best === undefined || one.load < best.load)) best = one;
    }
    return best;
  }

  /** Starts all queued calls that can be batched, after `connection` opened a batch stream. */
  serveBatched(connection: Connection): void {
    // The batch stream of a draining connection is about to close.
    if (connection.state === "ready") this.#queue.serveBatched(connection);
  }

  /** Queues a call until a connection is free, or fails it if none can be expected. */
  enqueue(waiter: PickWaiter): void {
    if (this.#state === "SHUTDOWN") return waiter.onPickFailed(Status.UNAVAILABLE, CLOSED);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined && (failure.dropped || !waiter.waitForReady)) {
      return waiter.onPickFailed(failure.code, failure.message);
    }
    this.#queue.add(waiter);
    if (this.#active) this.#scheduleServe();
    else this.activate();
  }

  /** Removes a call from the queue. No effect if it is not queued. */
  dequeue(waiter: PickWaiter): void {
    this.#queue.remove(waiter);
  }

  // Serves the queue in a microtask, because engines report free slots in the middle of their work.
  #scheduleServe(): void {
    if (this.#serveQueued) return;
    this.#serveQueued = true;
    queueMicrotask(this.#serveNow);
  }

  #serve(): void {
    this.#serveQueued = false;
    const { dependsOnCall = false } = this.#picker;
    const served = this.#queue.serve((call) => this.#pick(call), dependsOnCall);
    const full = [...this.#full].filter((one) => !one.free);
    this.#full.clear();
    if (served || this.#ready.length === 0) return;
    if (full.length === 0) this.#set.grow();
    else for (const one of full) this.#set.grow([one]);
  }

  // ---- lifetime ----------------------------------------------------------------------------------------

  /** Starts connecting. No effect unless the pool is idle. */
  activate(): void {
    if (this.#active || this.#state === "SHUTDOWN") return;
    this.#active = true;
    this.#setState("CONNECTING");
    this.#set.start();
    this.#trimmer.watchIdle();
  }

  /** Calls `watcher` after each change of state or connections; returns a function that stops it. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Resolves when each address in use has `min` ready connections with a completed first health check, and one address
   * has `min` healthy ones. Rejects after `timeoutMs`, or when the pool is closed.
   */
  async ready(timeoutMs: number): Promise<void> {
    this.activate();
    this.#processRef.acquire();
    let timer: unknown;
    let unwatch = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const check = () => {
          if (this.#state === "SHUTDOWN") reject(new Error("the channel is closed"));
          else if (this.#set.full) resolve();
          else if (this.#state === "IDLE") this.#set.exitIdle();
        };
        unwatch = this.watch(check);
        timer = this.#options.clock.setTimer(() => {
          const reason = this.#set.lastError?.message ?? "no answer yet";
          reject(new Error(`not ready after ${timeoutMs} ms: ${reason}`));
        }, timeoutMs);
        check();
      });
    } finally {
      this.#options.clock.clearTimer(timer);
      unwatch();
      this.#processRef.release();
    }
  }

  /** Sets how many connections each address may have. */
  resize(min: number, max: number): void {
    this.#set.resize(min, max);
    if (this.#state !== "SHUTDOWN") this.#trimmer.watchSize();
  }

  /** Replaces all ready connections: their calls have `graceMs` to end, and then end with UNAVAILABLE. */
  renew(graceMs: number, reason: string): void {
    const old = [...this.#set.connections()].filter(({ state }) => state === "ready");
    for (const connection of old) connection.drain();
    if (graceMs === Infinity || old.length === 0) return;
    const timer = this.#options.clock.setTimer(() => {
      this.#renewals.delete(timer);
      for (const connection of old) connection.abort(reason);
    }, graceMs);
    this.#renewals.add(timer);
  }

  /** Updates the ready connections after a change of a connection's `healthy`. */
  healthChanged(): void {
    this.#set.refresh();
    this.onConnectionsChange();
  }

  /** Returns statistics of addresses and connections. */
  stats(): { addresses: AddressStats[]; connections: ConnectionStats[] } {
    return this.#set.stats();
  }

  /** Closes all connections until the next call. */
  toIdle(): void {
    this.#trimmer.stop();
    this.#active = false;
    this.#set.clear();
    this.#ready = [];
    this.#setPicker(QUEUE_PICKER);
    this.#setState("IDLE");
  }

  /** Ends all calls with UNAVAILABLE; resolves when all connections are closed. */
  async close(): Promise<void> {
    if (this.#state !== "SHUTDOWN") {
      this.#setState("SHUTDOWN");
      this.#trimmer.stop();
      for (const timer of this.#renewals) this.#options.clock.clearTimer(timer);
      this.#queue.fail(CLOSED, true);
      this.#set.close(CLOSED);
    }
    this.#processRef.acquire();
    let unwatch = () => {};
    await new Promise<void>((resolve) => {
      const check = () => {
        if (![...this.#set.connections()].length) resolve();
      };
      unwatch = this.watch(check);
      check();
    });
    unwatch();
    await this.#set.released(RELEASE_MS);
    this.#processRef.release();
  }

  #setState(state: ChannelState): void {
    if (state !== this.#state) {
      this.#options.log("debug", `Channel to ${this.#options.target}: ${this.#state} to ${state}`);
      this.#state = state;
    }
    this.#notify();
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #setPicker(picker: Picker): void {
    this.#picker = picker;
    const only = picker instanceof SinglePicker ? (picker.subchannel as Subchannel).usable : [];
    this.#only = only.length === 1 ? only[0] : undefined;
  }

  // ---- from subchannels and the balancer ---------------------------------------------------------------

  onConnectionsChange(): void {
    const ready: Connection[] = [];
    for (const subchannel of this.#set.active) ready.push(...subchannel.usable);
    this.#ready = ready;
    this.#setPicker(this.#picker);
    this.#changed();
  }

  onBalancerState(state: ConnectivityState, picker: Picker): void {
    if (!this.#active || this.#state === "SHUTDOWN") return;
    this.#setPicker(picker);
    this.#setState(state);
    this.#changed();
  }

  #changed(): void {
    if (!this.#active || this.#state === "SHUTDOWN") return this.#notify();
    if (this.#queue.size > 0) this.#scheduleServe();
    this.#trimmer.watchSize();
    this.#notify();
  }

  onFree(): void {
    if (this.#queue.size > 0) this.#scheduleServe();
  }
}
