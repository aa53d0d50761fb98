/**
 * A fleet in virtual time: many clients, each with the balancer of a channel, over many servers.
 *
 * The model: connecting takes 1 to 20 ms. Each client calls at the same rate and spreads its calls evenly over its ready
 * addresses, as round_robin does. Servers that go close their connections at once and refuse new ones; name resolution
 * gives their addresses until `dnsLagMs` later. A client whose connection is lost resolves again, at most every
 * `minResolveIntervalMs`, the first time at a moment of its own since it began.
 *
 * @module
 */

import type { Clock } from "../../../src/call/clock.ts";
import { registerBuiltinBalancers } from "../../../src/rpc/balancer/builtin.ts";
import { configureBalancer } from "../../../src/rpc/balancer/registry.ts";
import type {
  Balancer,
  BalancerHost,
  BalancerSubchannel,
  ConnectivityState,
  ResolvedAddress,
  SubchannelListener,
} from "../../../src/rpc/balancer/types.ts";

registerBuiltinBalancers();

/** Configuration of a simulation. */
export interface FleetModel {
  readonly servers: number;
  readonly clients: number;
  /** Addresses that each client uses; undefined for all of them. */
  readonly subsetSize: number | undefined;
  /** Share of the servers that go. */
  readonly leaving: number;
  readonly dnsLagMs: number;
  readonly minResolveIntervalMs: number;
  readonly seed: number;
}

/** Spread of a figure over the servers. */
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  /** Standard deviation over mean. */
  readonly variation: number;
}

/** Result of a simulation. */
export interface FleetFigures {
  readonly connections: Spread;
  /** Share of all calls, where 1 is an even share. */
  readonly load: Spread;
  /** After the loss, before clients have resolved again. */
  readonly loadAfterLoss: Spread;
  readonly loadAtEnd: Spread;
  readonly connectionsAtEnd: Spread;
  /** Time from the loss until all clients have as many ready addresses as before, in ms. */
  readonly rebalancedMs: number;
  /** Time from the loss until half of the clients have. */
  readonly halfRebalancedMs: number;
  /** Clients without a ready address at any time after the loss. */
  readonly clientsWithoutServer: number;
}

/** Virtual time with a heap of timers. */
class EventQueue implements Clock {
  #nowMs = 0;
  #heap: { atMs: number; callback: (() => void) | undefined }[] = [];

  now(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const event = { atMs: this.#nowMs + delayMs, callback: callback as (() => void) | undefined };
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    for (let up = (i - 1) >> 1; i > 0 && heap[up].atMs > event.atMs; up = (i - 1) >> 1) {
      heap[i] = heap[up];
      heap[i = up] = event;
    }
    return event;
  }

  clearTimer(timer: unknown): void {
    (timer as { callback: undefined }).callback = undefined;
  }

  /** Runs the events up to a time. */
  runUntil(endMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0].atMs <= endMs) {
      const { atMs, callback } = this.#pop();
      this.#nowMs = atMs;
      callback?.();
    }
    this.#nowMs = endMs;
  }

  #pop() {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let i = 0;
    while (true) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].atMs < heap[child].atMs) child++;
      if (heap[child].atMs >= last.atMs) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

class Fleet {
  readonly queue = new EventQueue();
  readonly alive = new Set<string>();
  resolved: ResolvedAddress[] = [];
  readonly #model: FleetModel;
  #state: number;

  constructor(model: FleetModel) {
    this.#model = model;
    this.#state = model.seed;
  }

  readonly random = (): number =>
    (this.#state = this.#state * 16_807 % 2_147_483_647) / 2_147_483_647;

  get model(): FleetModel {
    return this.#model;
  }
}

class SimulatedSubchannel implements BalancerSubchannel {
  readonly free = true;
  readonly load = 0;
  state: ConnectivityState = "IDLE";
  #closed = false;

  constructor(
    readonly fleet: Fleet,
    readonly address: string,
    readonly listener: SubchannelListener,
    readonly client: SimulatedClient,
  ) {}

  connect(): void {
    if (this.state !== "IDLE") return;
    this.#set("CONNECTING");
    this.fleet.queue.setTimer(() => this.#connected(), 1 + 19 * this.fleet.random());
  }

  #connected(): void {
    if (this.#closed) return;
    if (this.fleet.alive.has(this.address)) return this.#set("READY");
    this.#set("TRANSIENT_FAILURE");
    this.client.reresolve();
    this.fleet.queue.setTimer(() => this.#connected(), 1_000);
  }

  lost(): void {
    if (this.#closed || this.state !== "READY") return;
    this.#set("CONNECTING");
    this.client.reresolve();
    this.fleet.queue.setTimer(() => this.#connected(), 1);
  }

  #set(state: ConnectivityState): void {
    this.state = state;
    this.listener.onState(state, undefined);
  }

  get ready(): boolean {
    return !this.#closed && this.state === "READY";
  }

  disconnect(): void {}

  close(): void {
    this.#closed = true;
    this.client.subchannels.delete(this);
  }

  stream(): () => void {
    return () => {};
  }
}

class SimulatedClient implements BalancerHost {
  readonly target = "fleet";
  readonly clock: Clock;
  readonly random: () => number;
  readonly subchannels = new Set<SimulatedSubchannel>();
  readonly #fleet: Fleet;
  readonly #balancer: Balancer;
  readonly #config: unknown;
  #lastMs: number;
  #waits = false;
  wasEmpty = false;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.clock = fleet.queue;
    this.random = fleet.random;
    const { subsetSize, minResolveIntervalMs } = fleet.model;
    const [name, config] = subsetSize === undefined
      ? ["round_robin", {}]
      : ["random_subsetting", { subsetSize, childPolicy: [{ round_robin: {} }] }];
    const chosen = configureBalancer(name, config)!;
    this.#config = chosen.config;
    this.#balancer = chosen.policy.create(this);
    // Its latest resolution was at any time.
    this.#lastMs = -minResolveIntervalMs * fleet.random() * 4;
    this.#update();
  }

  readonly createSubchannel = (
    { address }: ResolvedAddress,
    listener: SubchannelListener,
  ): BalancerSubchannel => {
    const subchannel = new SimulatedSubchannel(this.#fleet, address, listener, this);
    this.subchannels.add(subchannel);
    return subchannel;
  };

  readonly updateState = () => {};
  readonly log = () => {};

  readonly reresolve = () => {
    if (this.#waits) return;
    this.#waits = true;
    const { queue, model } = this.#fleet;
    const delayMs = Math.max(0, this.#lastMs + model.minResolveIntervalMs - queue.now());
    queue.setTimer(() => {
      this.#waits = false;
      this.#lastMs = queue.now();
      this.#update();
    }, delayMs);
  };

  get ready(): number {
    let ready = 0;
    for (const one of this.subchannels) if (one.ready) ready++;
    return ready;
  }

  #update(): void {
    this.#balancer.update({
      addresses: this.#fleet.resolved,
      config: this.#config,
      attributes: {},
    });
  }
}

function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const min = values.reduce((a, b) => Math.min(a, b));
  const max = values.reduce((a, b) => Math.max(a, b));
  return { min, mean, max, variation: Math.sqrt(variance) / mean };
}

function measure(fleet: Fleet, clients: readonly SimulatedClient[]) {
  const connections = new Map([...fleet.alive].map((address) => [address, 0]));
  const load = new Map(connections);
  for (const client of clients) {
    const ready = [...client.subchannels].filter((one) => one.ready);
    if (ready.length === 0) client.wasEmpty = true;
    for (const { address } of ready) {
      connections.set(address, connections.get(address)! + 1);
      load.set(address, load.get(address)! + 1 / ready.length);
    }
  }
  const even = clients.length / fleet.alive.size;
  return {
    connections: spread([...connections.values()]),
    load: spread([...load.values()].map((share) => share / even)),
  };
}

/** Runs a simulation: the fleet starts, a part of the servers goes, and the clients resolve again. */
export function simulateFleet(model: FleetModel): FleetFigures {
  const fleet = new Fleet(model);
  const { queue, alive } = fleet;
  for (let i = 0; i < model.servers; i++) alive.add(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`);
  fleet.resolved = [...alive].map((address) => ({ address }));
  const clients = Array.from({ length: model.clients }, () => new SimulatedClient(fleet));
  queue.runUntil(5_000);
  const before = measure(fleet, clients);
  const leaving = [...alive].slice(0, Math.round(model.servers * model.leaving));
  const gone = new Set(leaving);
  for (const address of leaving) alive.delete(address);
  const lossMs = queue.now();
  queue.setTimer(() => {
    fleet.resolved = [...alive].map((address) => ({ address }));
  }, model.dnsLagMs);
  for (const client of clients) {
    for (const one of [...client.subchannels]) if (gone.has(one.address)) one.lost();
  }
  queue.runUntil(lossMs + 100);
  const after = measure(fleet, clients);
  const wanted = Math.min(model.subsetSize ?? Infinity, alive.size);
  let halfRebalancedMs = NaN;
  let rebalancedMs = NaN;
  for (let ms = 100; ms <= 600_000; ms += 100) {
    queue.runUntil(lossMs + ms);
    let full = 0;
    for (const client of clients) {
      const { ready } = client;
      if (ready === 0) client.wasEmpty = true;
      if (ready >= wanted) full++;
    }
    if (Number.isNaN(halfRebalancedMs) && full * 2 >= clients.length) halfRebalancedMs = ms;
    if (full < clients.length) continue;
    rebalancedMs = ms;
    break;
  }
  const end = measure(fleet, clients);
  return {
    connections: before.connections,
    load: before.load,
    loadAfterLoss: after.load,
    loadAtEnd: end.load,
    connectionsAtEnd: end.connections,
    rebalancedMs,
    halfRebalancedMs,
    clientsWithoutServer: clients.filter((client) => client.wasEmpty).length,
  };
}
