/**
 * The connections of a channel: picks one for each call, makes and ends connections as they are needed,
 * and holds calls that have to wait.
 *
 * @module
 */

import type { Clock } from "../call/clock.ts";
import { Status } from "../call/status.ts";
import { type BalancerPolicy, makePicker, type Picker } from "./balancer.ts";
import type { AddressStats, ChannelState, ConnectionStats } from "./channel_options.ts";
import type { Connection } from "./connection.ts";
import { ProcessHold } from "./process_hold.ts";
import type { Subchannel, SubchannelHooks } from "./subchannel.ts";

/** A call that waits for a connection. */
export interface PickWaiter {
  /** Whether it stays while the channel is in TRANSIENT_FAILURE. */
  readonly waitForReady: boolean;
  /** A connection that is `free`, right now: the call must be started before this returns. */
  onPick(connection: Connection): void;
  /** There will be none. */
  onPickFailed(code: Status, message: string): void;
}

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
export class Pool {
  /** Connections that take calls; what the picker chooses from. */
  #ready: Connection[] = [];
  #state: ChannelState = "IDLE";
  readonly #options: PoolOptions;
  readonly #pick: Picker;
  #subchannels: Subchannel[] = [];
  /** Of addresses that are gone; they only finish their calls. */
  readonly #retired = new Set<Subchannel>();
  readonly #queue = new Set<PickWaiter>();
  readonly #watchers = new Set<() => void>();
  readonly #hold = new ProcessHold();
  readonly #abort = new AbortController();
  #min: number;
  #max: number;
  #pumpQueued = false;
  #resolving = false;
  #resolveAgain = false;
  #lastResolveMs = -Infinity;
  #resolveError: Error | undefined = undefined;
  #resolveTimer: unknown = undefined;
  #shrinkTimer: unknown = undefined;
  #idleTimer: unknown = undefined;
  #callsAtIdleCheck = 0;
  /** Calls started on connections that are gone. */
  #pastCalls = 0;
  readonly #pumpNow = () => this.#pump();

  /** Connects nothing until a call or `activate`. */
  constructor(options: PoolOptions) {
    this.#options = options;
    this.#pick = makePicker(options.balancer, options.random);
    this.#min = options.min;
    this.#max = options.max;
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

  /** A connection for a call that is started right now; undefined: use `enqueue`. */
  tryPick(): Connection | undefined {
    if (this.#queue.size > 0) return undefined;
    const ready = this.#ready;
    if (ready.length === 1) return ready[0].free ? ready[0] : undefined;
    return this.#pick(ready);
  }

  /** Lets a call wait for a connection, or fails it when none is to be expected. */
  enqueue(waiter: PickWaiter): void {
    if (this.#state === "SHUTDOWN") {
      return waiter.onPickFailed(Status.UNAVAILABLE, "The channel is closed");
    }
    if (this.#state === "TRANSIENT_FAILURE" && !waiter.waitForReady) {
      return waiter.onPickFailed(Status.UNAVAILABLE, this.failureText());
    }
    if (this.#queue.size >= this.#options.maxQueuedCalls) {
      return waiter.onPickFailed(
        Status.RESOURCE_EXHAUSTED,
        `Cannot queue a call: ${this.#queue.size} wait for a connection, limit is ${this.#options.maxQueuedCalls}`,
      );
    }
    this.#queue.add(waiter);
    this.#hold.acquire();
    if (this.#state === "IDLE") this.activate();
    else this.#schedulePump();
  }

  /** Takes a waiter out; fine when it isn't there. */
  dequeue(waiter: PickWaiter): void {
    if (this.#queue.delete(waiter)) this.#hold.release();
  }

  /** Starts connecting when the pool is IDLE. */
  activate(): void {
    if (this.#state !== "IDLE") return;
    this.#setState("CONNECTING");
    this.#resolve();
    this.#armIdle();
  }

  /** Calls `watcher` after each change of state; returns what ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Resolves when `min` connections per address in use are ready; rejects after `timeoutMs`. */
  async ready(timeoutMs: number): Promise<void> {
    this.activate();
    this.#hold.acquire();
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
      this.#hold.release();
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
    this.#armShrink();
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
      this.#abort.abort();
      this.#clearTimers();
      this.#failQueue(() => true, "The channel is closed");
      for (const subchannel of this.#subchannels) subchannel.close("The channel is closed");
      for (const subchannel of this.#retired) subchannel.close("The channel is closed");
    }
    this.#hold.acquire();
    let unwatch = () => {};
    await new Promise<void>((resolve) => {
      const check = () => {
        if (![...this.#connections()].length) resolve();
      };
      unwatch = this.watch(check);
      check();
    });
    unwatch();
    this.#hold.release();
  }

  *#connections(): Iterable<Connection> {
    for (const subchannel of this.#subchannels) yield* subchannel.all;
    for (const subchannel of this.#retired) yield* subchannel.all;
  }

  // ---- addresses ---------------------------------------------------------------------------------------

  async #resolve(): Promise<void> {
    if (this.#resolving) {
      this.#resolveAgain = true;
      return;
    }
    this.#resolving = true;
    this.#resolveAgain = false;
    this.#lastResolveMs = this.#options.clock.now();
    try {
      const addresses = await this.#options.resolve(this.#abort.signal);
      if (this.#state === "SHUTDOWN") return;
      if (addresses.length === 0) throw new Error("the name has no addresses");
      this.#resolveError = undefined;
      this.#setAddresses([...new Set(addresses)]);
    } catch (error) {
      if (this.#state === "SHUTDOWN") return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#resolveError = new Error(`Cannot resolve ${this.#options.target}: ${reason}`, {
        cause: error,
      });
      this.#options.log("warn", this.#resolveError.message);
      this.#update();
      // Without any address only another resolution can help.
      if (this.#subchannels.length === 0) this.#resolveLater();
    } finally {
      this.#resolving = false;
    }
    if (this.#resolveAgain) this.#resolveLater();
  }

  #resolveLater(): void {
    if (this.#state === "SHUTDOWN" || this.#state === "IDLE") return;
    const { clock, minResolveIntervalMs } = this.#options;
    // gRPC's clients back off from failing resolvers by a second at least.
    const least = this.#subchannels.length === 0 ? Math.min(1_000, minResolveIntervalMs) : 0;
    const dueMs = this.#lastResolveMs + Math.max(least, minResolveIntervalMs) - clock.now();
    this.#resolveTimer ??= clock.setTimer(() => {
      this.#resolveTimer = undefined;
      this.#resolve();
    }, Math.max(0, dueMs));
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
    if (this.#state !== "SHUTDOWN" && this.#state !== "IDLE") this.#resolveLater();
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
      this.#failQueue((waiter) => !waiter.waitForReady, this.failureText());
    }
    if (this.#queue.size > 0) this.#schedulePump();
    this.#armShrink();
  }

  #aggregate(): ChannelState {
    if (this.#ready.length > 0) return "READY";
    if (this.#subchannels.length === 0) {
      return this.#resolveError === undefined ? "CONNECTING" : "TRANSIENT_FAILURE";
    }
    const connecting = this.#subchannels.some((one) => one.state === "CONNECTING");
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
    const used = this.#subchannels.filter((one) => one.wanted > 0);
    return used.length > 0 && used.every((one) => one.ready.length >= this.#min || one.failed) &&
      used.some((one) => one.ready.length >= this.#min);
  }

  #lastError(): Error | undefined {
    const errors = this.#subchannels.map((one) => one.lastError).filter((e) => e !== undefined);
    return errors.at(-1) ?? this.#resolveError;
  }

  #failQueue(which: (waiter: PickWaiter) => boolean, message: string): void {
    for (const waiter of [...this.#queue]) {
      if (!which(waiter)) continue;
      this.dequeue(waiter);
      waiter.onPickFailed(Status.UNAVAILABLE, message);
    }
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
    for (const waiter of this.#queue) {
      const connection = this.#pick(this.#ready);
      if (connection === undefined) {
        if (this.#ready.length > 0) this.#grow();
        return;
      }
      this.dequeue(waiter);
      waiter.onPick(connection);
    }
  }

  /** All connections are at their limit: one more, where there are fewest, one at a time. */
  #grow(): void {
    let best: Subchannel | undefined;
    for (const one of this.#subchannels) {
      if (one.connecting > 0 && !one.failed) return;
      if (one.wanted === 0 || one.failed || one.size >= this.#max) continue;
      if (best === undefined || one.size < best.size) best = one;
    }
    best?.setWanted(best.size + 1);
  }

  // ---- less --------------------------------------------------------------------------------------------

  #armShrink(): void {
    const { clock, shrinkAfterMs } = this.#options;
    if (this.#shrinkTimer !== undefined || this.#state === "SHUTDOWN") return;
    if (!this.#subchannels.some((one) => one.ready.length > this.#min)) return;
    for (const one of this.#ready) one.callsSeen = one.callsStarted;
    this.#shrinkTimer = clock.setTimer(() => {
      this.#shrinkTimer = undefined;
      for (const subchannel of this.#subchannels) this.#shrink(subchannel);
      this.#armShrink();
    }, shrinkAfterMs);
  }

  #shrink(subchannel: Subchannel): void {
    const idle = subchannel.ready.filter((one) =>
      one.load === 0 && one.callsStarted === one.callsSeen
    );
    for (const connection of idle) {
      if (subchannel.wanted <= this.#min || subchannel.ready.length <= this.#min) return;
      subchannel.wanted--;
      connection.drain();
    }
  }

  #armIdle(): void {
    const { clock, idleTimeoutMs } = this.#options;
    if (idleTimeoutMs === Infinity) return;
    this.#callsAtIdleCheck = this.callsStarted;
    this.#idleTimer = clock.setTimer(() => {
      this.#idleTimer = undefined;
      const busy = this.#queue.size > 0 || this.callsStarted !== this.#callsAtIdleCheck ||
        [...this.#connections()].some((one) => one.load > 0);
      if (busy) this.#armIdle();
      else this.#toIdle();
    }, idleTimeoutMs);
  }

  #toIdle(): void {
    this.#clearTimers();
    const old = this.#subchannels;
    this.#subchannels = [];
    for (const subchannel of old) {
      this.#retired.add(subchannel);
      subchannel.retire();
    }
    this.#ready = [];
    this.#setState("IDLE");
  }

  #clearTimers(): void {
    for (const timer of [this.#resolveTimer, this.#shrinkTimer, this.#idleTimer]) {
      if (timer !== undefined) this.#options.clock.clearTimer(timer);
    }
    this.#resolveTimer = this.#shrinkTimer = this.#idleTimer = undefined;
  }
}
