import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { configureBalancer } from "../../../src/rpc/balancer/registry.ts";
import { registerBuiltinBalancers } from "../../../src/rpc/balancer/builtin.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerSubchannel,
  type ConnectivityState,
  type Picker,
  PickFailure,
  QUEUE_PICKER,
  type ResolvedAddress,
  type SubchannelListener,
  type SubchannelStream,
} from "../../../src/rpc/balancer/types.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";

registerBuiltinBalancers();

/** A subchannel whose states a test sets. */
export class FakeSubchannel implements BalancerSubchannel {
  free = true;
  load = 0;
  wanted = false;
  closed = false;
  readonly streams: SubchannelStream[] = [];
  openStreams = 0;

  constructor(readonly address: string, readonly listener: SubchannelListener) {}

  connect(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.listener.onState("CONNECTING", undefined);
  }
  disconnect(): void {
    this.wanted = false;
    this.listener.onState("IDLE", undefined);
  }
  close(): void {
    this.closed = true;
  }
  stream(stream: SubchannelStream): () => void {
    this.streams.push(stream);
    this.openStreams++;
    return () => this.openStreams--;
  }
  set(state: ConnectivityState): void {
    const error = state === "TRANSIENT_FAILURE" ? new Error(`${this.address} failed`) : undefined;
    this.listener.onState(state, error);
  }
  end(code: Status = Status.OK, trailers?: Metadata): void {
    this.listener.onCallEnd?.(code, () => trailers);
  }
}

/** A channel in virtual time that records what its balancer does. */
export class FakeHost implements BalancerHost {
  readonly target = "test:1";
  readonly clock = new FakeClock(1000.25);
  readonly all: FakeSubchannel[] = [];
  state: ConnectivityState = "IDLE";
  picker: Picker = QUEUE_PICKER;
  reresolutions = 0;
  #seed = 1;
  readonly random = () => (this.#seed = this.#seed * 16_807 % 2_147_483_647) / 2_147_483_647;
  readonly createSubchannel = (address: ResolvedAddress, listener: SubchannelListener) => {
    const subchannel = new FakeSubchannel(address.address, listener);
    this.all.push(subchannel);
    return subchannel;
  };
  readonly updateState = (state: ConnectivityState, picker: Picker) => {
    this.state = state;
    this.picker = picker;
  };
  readonly reresolve = () => void this.reresolutions++;
  readonly log = () => {};

  /** The open subchannel of an address. */
  at(address: string): FakeSubchannel {
    return this.all.findLast((one) => one.address === address && !one.closed)!;
  }

  /** Sets the state of all open subchannels that want to be connected. */
  setAll(state: ConnectivityState): void {
    for (const one of [...this.all]) if (one.wanted && !one.closed) one.set(state);
  }

  /** Picks for a call; returns the address, `queued`, or the text of the failure. */
  pick(headers: Record<string, string> = {}): string {
    const result = this.picker.pick({ path: "/a.B/C", metadata: new Metadata(headers) });
    if (result === undefined) return "queued";
    return result instanceof PickFailure ? result.message : result.address;
  }

  /** Counts picks by address. */
  count(times: number, headers: (i: number) => Record<string, string> = () => ({})) {
    const counts: Record<string, number> = {};
    for (let i = 0; i < times; i++) {
      const address = this.pick(headers(i));
      counts[address] = (counts[address] ?? 0) + 1;
    }
    return counts;
  }

  /** Makes a balancer of a policy; `update` gives it addresses. */
  make(
    name: string,
    config: unknown,
  ): { update(addresses: (string | ResolvedAddress)[], config?: unknown): void } & Balancer {
    const balancer = configureBalancer(name, config)!.policy.create(this);
    const update = (addresses: (string | ResolvedAddress)[], json = config) =>
      balancer.update({
        addresses: addresses.map((one) => typeof one === "string" ? { address: one } : one),
        config: configureBalancer(name, json)!.config,
        attributes: {},
      });
    return {
      update: update as never,
      close: () => balancer.close(),
      exitIdle: () => balancer.exitIdle?.(),
    };
  }
}
