/**
 * The connections of a channel: picks one for each call, makes and ends connections as they are needed,
 * and holds calls that have to wait.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { Status } from "../../call/status.ts";
import { type BalancerPolicy, makePicker, type Picker } from "./balancer.ts";
import type { AddressStats, ChannelState, ConnectionStats } from "./options.ts";
import type { Connection } from "./connection.ts";
import { PickQueue, type PickWaiter } from "./pick_queue.ts";
import { ProcessRef } from "./process_ref.ts";
import { PoolTrimmer, type TrimmedPool } from "./trimmer.ts";
import { Resolution } from "./re_resolution.ts";
import type { Subchannel, SubchannelHooks } from "./subchannel.ts";

/** What a pool needs. */
export interface PoolOptions {
  /** In texts. */
  readonly target: string;
  /** Gives the addresses of the target. */
  readonly resolve: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Makes a subchannel that connects to `address`. */
  readonly subchannel: (
    address: string,
    hooks: SubchannelHooks,
  ) => Subchannel;
  readonly balancer: BalancerPolicy;
  readonly min: number;
  readonly max: number;
  readonly shrinkAfterMs: number;
  readonly idleTimeoutMs: number;
  readonly minResolveIntervalMs: number;
  readonly maxQueuedCalls: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** The connection became usable: health checks start here. */
  readonly onConnected?: (connection: Connection) => void;
  readonly log: (level: "debug" | "warn", message: string) => void;
}

/** See the module's text. */
export class Pool implements TrimmedPool {
  /** Connections that take calls; what the picker chooses from. */
  #ready: Connection[] = [];
  #state: ChannelState = "IDLE";
  readonly #options: PoolOptions;
  readonly #pick: Picker;
  #subchannels: Subchannel[] = [];
  /** Of addresses that are gone; they only finish their calls. */
  readonly #retired = new Set<Subchannel>();
  readonly #queue: PickQueue;
  readonly #watchers = new Set<() => void>();
  readonly #processRef = new ProcessRef();
  #resolution: Resolution | undefined = undefined;
  #min: number;
  #max: number;
  #pumpQueued = false;
  #resolveError: Error | undefined = undefined;
  readonly #trimmer: PoolTrimmer;
  /** Calls started on connections that are gone. */
  #pastCalls = 0;
  readonly #pumpNow = () => this.#pump();

  /** Connects nothing until a call or `activate`. */
  constructor(options: PoolOptions) {
    this.#options = options;
    this.#queue = new PickQueue(options.maxQueuedCalls);
    this.#pick = makePicker(options.balancer, options.random);
    this.#min = options.min;
    this.#max = options.max;
    this.#trimmer = new PoolTrimmer(this, options);
  }

  /** The state now. */
  get state(): ChannelState {
    return this.#state;
  }

  /** Calls that wait. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Calls started so far. */
  get callsStarted(): number {
    let sum = this.#pastCalls;
    for (const connection of this.#connections()) sum += connection.callsStarted;
    return sum;
  }

  /** The subchannels in use. */
  get subchannels(): readonly Subchannel[] {
    return this.#subchannels;
  }

  /** Connections that each address keeps. */
  get min(): number {
    return this.#min;
  }

  /** Whether calls are in flight or waiting. */
  get busy(): boolean {
    return this.queued > 0 || [...this.#connections()].some((one) => one.load > 0);
  }

  /** A connection for a call that is started right now; undefined: use `enqueue`. */
  tryPick(): Connection | undefined {
    if (this.#queue.size > 0) return undefined;
    const ready = this.#ready;
    if (ready.length === 1) return ready[0].free ? ready[0] : undefined;
    return this.#pick(ready);
  }

  /** As `tryPick`, for a call that goes in a batch: where a batch stream is open it needs no slot. */
  tryPickBatched(): Connection | undefined {
    const free = this.tryPick();
    if (free !== undefined) return free;
    let best: Connection | undefined;
    for (const one of this.#ready) {
      if (one.batch !== undefined && (best === undefined || one.load < best.load)) best = one;
    }
    return best;
  }

  /** A batch stream was opened on a connection. */
  serveBatched(connection: Connection): void {
    // On one that drains it doesn't stay open.
    if (connection.state === "ready") this.#queue.serveBatched(connection);
  }

  /** Lets a call wait for a connection, or fails it when none is to be expected. */
  enqueue(waiter: PickWaiter): void {
    if (this.#state === "SHUTDOWN") {
      return waiter.onPickFailed(Status.UNAVAILABLE, "The channel is closed");
    }
    if (this.#state === "TRANSIENT_FAILURE" && !waiter.waitForReady) {
      return waiter.onPickFailed(Status.UNAVAILABLE, this.failureText());
    }
    this.#queue.add(waiter);
    if (this.#state === "IDLE") this.activate();
    else this.#schedulePump();
  }

  /** Takes a waiter out; fine when it isn't there. */
  dequeue(waiter: PickWaiter): void {
    this.#queue.remove(waiter);
  }

  /** Starts connecting when the pool is IDLE. */
  activate(): void {
    if (this.#state !== "IDLE") return;
    this.#setState("CONNECTING");
    this.#resolution = this.#makeResolution();
    this.#resolution.start();
    this.#trimmer.watchIdle();
  }

  /** Calls `watcher` after each change of state; returns what ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Resolves when `min` connections per address in use are ready and asked for their health, and those of one address
   * healthy; rejects after `timeoutMs`.
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
          else if (this.#isFull()) resolve();
        };
        unwatch = this.watch(check);
        timer = this.#options.clock.setTimer(() => {
          const reason = this.#lastError()?.message ?? "no answer yet";
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

  /** Changes how many connections there are for each address. */
  resize(min: number, max: number): void {
    this.#min = min;
    this.#max = max;
    for (const subchannel of this.#subchannels) {
      if (subchannel.wanted > 0) {
        subchannel.setWanted(Math.min(max, Math.max(min, subchannel.wanted)));
      }
    }
    if (this.#state !== "SHUTDOWN") this.#trimmer.watchSize();
  }

  /** What to tell a call that fails for want of a connection. */
  failureText(): string {
    return this.#lastError()?.message ?? `Cannot connect to ${this.#options.target}`;
  }

  /** A health check changed its mind about a connection. */
  healthChanged(): void {
    this.#rebuild();
  }

  /** Figures of addresses and connections. */
  stats(): { addresses: AddressStats[]; connections: ConnectionStats[] } {
    return {
      addresses: this.#subchannels.map((subchannel) => subchannel.stats()),
      connections: [...this.#connections()].map((connection) => connection.stats()),
    };
  }

  /** Ends everything; resolves when all connections are closed. */
  async close(): Promise<void> {
    if (this.#state !== "SHUTDOWN") {
      this.#setState("SHUTDOWN");
      this.#resolution?.close();
      this.#trimmer.stop();
      this.#queue.fail("The channel is closed", true);
      for (const subchannel of this.#subchannels) subchannel.close("The channel is closed");
      for (const subchannel of this.#retired) subchannel.close("The channel is closed");
    }
    this.#processRef.acquire();
    let unwatch = () => {};
    await new Promise<void>((resolve) => {
      const check = () => {
        if (![...this.#connections()].length) resolve();
      };
      unwatch = this.watch(check);
      check();
    });
    unwatch();
    this.#processRef.release();
  }

  *#connections(): Iterable<Connection> {
    for (const subchannel of this.#subchannels) yield* subchannel.all;
    for (const subchannel of this.#retired) yield* subchannel.all;
  }

  // ---- addresses ---------------------------------------------------------------------------------------

  #makeResolution(): Resolution {
    const { target, resolve, minResolveIntervalMs, clock, log } = this.#options;
    return new Resolution({
      target,
      resolve,
      minIntervalMs: minResolveIntervalMs,
      clock,
      onAddresses: (addresses) => {
        this.#resolveError = undefined;
        this.#setAddresses(addresses);
      },
      onError: (error) => {
        this.#resolveError = error;
        log("warn", error.message);
        this.#update();
      },
    });
  }

  #setAddresses(addresses: string[]): void {
    const old = new Map(this.#subchannels.map((one) => [one.address, one]));
    this.#subchannels = addresses.map((address) => {
      const known = old.get(address);
      old.delete(address);
      return known ?? this.#options.subchannel(address, {
        onChange: (subchannel) => this.#onChange(subchannel),
        onFailure: (_, error) => this.#onFailure(error),
        onFree: () => this.#onFree(),
        onConnected: (connection) => this.#options.onConnected?.(connection),
        onGone: (connection) => {
          this.#pastCalls += connection.callsStarted;
        },
      });
    });
    for (const gone of old.values()) {
      this.#options.log("debug", `${gone.address} is not an address of the target any more`);
      this.#retired.add(gone);
      gone.retire();
    }
    this.#activateSubchannels();
    this.#update();
  }

  /** All of them; with pick_first those up to the first that doesn't fail, and none beside a ready one. */
  #activateSubchannels(): void {
    if (this.#options.balancer !== "pick_first") {
      for (const subchannel of this.#subchannels) {
        if (subchannel.wanted === 0) subchannel.setWanted(this.#min);
      }
      return;
    }
    const ready = this.#subchannels.find((one) => one.state === "READY");
    let blocked = false;
    for (const subchannel of this.#subchannels) {
      const use = ready === undefined ? !blocked : subchannel === ready;
      if (!subchannel.failed) blocked = true;
      if (use && subchannel.wanted === 0) subchannel.setWanted(this.#min);
      if (!use && subchannel.wanted > 0) subchannel.setWanted(0);
    }
  }

  #onChange(subchannel: Subchannel): void {
    if (this.#retired.has(subchannel)) {
      if (subchannel.all.size === 0) this.#retired.delete(subchannel);
    } else if (this.#state !== "SHUTDOWN" && this.#state !== "IDLE") {
      this.#activateSubchannels();
    }
    this.#rebuild();
  }

  #onFailure(error: Error): void {
    this.#options.log("debug", error.message);
    this.#resolution?.again();
  }

  // ---- state and calls ---------------------------------------------------------------------------------

  /** Lists anew which connections take calls. */
  #rebuild(): void {
    const ready: Connection[] = [];
    for (const subchannel of this.#subchannels) {
      for (const connection of subchannel.ready) {
        if (connection.healthy) ready.push(connection);
      }
    }
    this.#ready = ready;
    this.#update();
  }

  #update(): void {
    if (this.#state === "SHUTDOWN" || this.#state === "IDLE") {
      this.#notify();
      return;
    }
    this.#setState(this.#aggregate());
    if (this.#state === "TRANSIENT_FAILURE") {
      this.#queue.fail(this.failureText(), false);
    }
    if (this.#queue.size > 0) this.#schedulePump();
    this.#trimmer.watchSize();
  }

  #aggregate(): ChannelState {
    if (this.#ready.length > 0) return "READY";
    if (this.#subchannels.length === 0) {
      return this.#resolveError === undefined ? "CONNECTING" : "TRANSIENT_FAILURE";
    }
    const connecting = this.#subchannels.some((one) =>
      one.state === "CONNECTING" || one.ready.some(({ checking }) => checking)
    );
    return connecting ? "CONNECTING" : "TRANSIENT_FAILURE";
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

  #isFull(): boolean {
    const enough = (ready: readonly Connection[]) => ready.length >= this.#min;
    const used = this.#subchannels.filter((one) => one.wanted > 0);
    return used.some((one) => enough(one.ready.filter(({ healthy }) => healthy))) &&
      used.every((one) => one.failing || enough(one.ready.filter(({ checking }) => !checking)));
  }

  #lastError(): Error | undefined {
    const errors = this.#subchannels.map((one) => one.lastError).filter((e) => e !== undefined);
    return errors.at(-1) ?? this.#resolveError;
  }

  #onFree(): void {
    if (this.#queue.size > 0) this.#schedulePump();
  }

  // In a turn of its own, because engines tell of free slots from the middle of their work.
  #schedulePump(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    queueMicrotask(this.#pumpNow);
  }

  #pump(): void {
    this.#pumpQueued = false;
    const served = this.#queue.serve(() => this.#pick(this.#ready));
    if (!served && this.#ready.length > 0) this.#grow();
  }

  /** All connections are at their limit: one more, where there are fewest, one at a time. */
  #grow(): void {
    let best: Subchannel | undefined;
    for (const one of this.#subchannels) {
      if (one.connecting > 0 && !one.failing) return;
      // Where more are wanted than are there or on their way, dials failed, and it tries again by itself.
      const waits = one.failed || one.connecting > 0 || one.size < one.wanted;
      if (one.wanted === 0 || waits || one.size >= this.#max) continue;
      if (best === undefined || one.size < best.size) best = one;
    }
    best?.setWanted(best.size + 1);
  }

  // ---- less --------------------------------------------------------------------------------------------

  /** Closes everything until the next call. */
  toIdle(): void {
    this.#trimmer.stop();
    this.#resolution?.close();
    this.#resolution = undefined;
    const old = this.#subchannels;
    this.#subchannels = [];
    for (const subchannel of old) {
      this.#retired.add(subchannel);
      subchannel.retire();
    }
    this.#ready = [];
    this.#setState("IDLE");
  }
}
