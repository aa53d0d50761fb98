/**
 * The subchannels of a list of addresses, kept by address from one list to the next.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerSubchannel,
  type BalancerUpdate,
  type ConnectivityState,
  failingPicker,
  type Picker,
  QUEUE_PICKER,
  type ResolvedAddress,
  type SubchannelListener,
} from "./types.ts";

/** One address of an {@link AddressList}. */
export class AddressEntry<Data = undefined> {
  /** The address, with its latest weight and attributes. */
  address: ResolvedAddress;
  /** Its subchannel. */
  subchannel!: BalancerSubchannel;
  /** State of the subchannel. */
  state: ConnectivityState = "IDLE";
  /** Why the latest connection failed; undefined after none did. */
  error: Error | undefined = undefined;
  /** What the policy keeps for the address. */
  readonly data: Data;

  /** An entry without a subchannel, which the list sets. */
  constructor(address: ResolvedAddress, data: Data) {
    this.address = address;
    this.data = data;
  }
}

/** Keeps one subchannel for each address. */
export class AddressList<Data = undefined> {
  readonly #host: BalancerHost;
  readonly #onState: (entry: AddressEntry<Data>) => void;
  readonly #data: (address: ResolvedAddress) => Data;
  readonly #onCallEnd: ((entry: AddressEntry<Data>) => SubchannelListener["onCallEnd"]) | undefined;
  /** In the order of the latest update. */
  entries: AddressEntry<Data>[] = [];

  /** `onState` is called after each change of an entry's state. */
  constructor(
    host: BalancerHost,
    onState: (entry: AddressEntry<Data>) => void,
    data: (address: ResolvedAddress) => Data,
    onCallEnd?: (entry: AddressEntry<Data>) => SubchannelListener["onCallEnd"],
  ) {
    this.#host = host;
    this.#onState = onState;
    this.#data = data;
    this.#onCallEnd = onCallEnd;
  }

  /** Sets the addresses: closes the subchannels of those that are gone, and makes those of new ones. */
  update(addresses: readonly ResolvedAddress[]): void {
    const old = new Map(this.entries.map((entry) => [entry.address.address, entry]));
    this.entries = addresses.map((address) => {
      const known = old.get(address.address);
      if (known === undefined) return this.#make(address);
      old.delete(address.address);
      known.address = address;
      return known;
    });
    for (const gone of old.values()) gone.subchannel.close();
  }

  /** Closes all subchannels. */
  close(): void {
    for (const { subchannel } of this.entries) subchannel.close();
    this.entries = [];
  }

  #make(address: ResolvedAddress): AddressEntry<Data> {
    const entry = new AddressEntry<Data>(address, this.#data(address));
    entry.subchannel = this.#host.createSubchannel(address, {
      onState: (state, error) => {
        entry.state = state;
        entry.error = error;
        this.#onState(entry);
      },
      onCallEnd: this.#onCallEnd?.(entry),
    });
    return entry;
  }
}

/** Returns the state of a group: the best of its members. */
export function groupState(states: Iterable<ConnectivityState>): ConnectivityState {
  let connecting = false;
  let idle = false;
  for (const state of states) {
    if (state === "READY") return "READY";
    if (state === "CONNECTING") connecting = true;
    else if (state === "IDLE") idle = true;
  }
  return connecting ? "CONNECTING" : idle ? "IDLE" : "TRANSIENT_FAILURE";
}

/** Returns the error text of a group without usable members: that of the last one with an error. */
export function groupFailure(
  target: string,
  entries: readonly { readonly error: Error | undefined }[],
): string {
  const errors = entries.map((one) => one.error).filter((error) => error !== undefined);
  if (entries.length === 0) return `Cannot connect to ${target}: it has no addresses`;
  return errors.at(-1)?.message ?? `Cannot connect to ${target}`;
}

/** Sets state and picker of a balancer for entries of which none is ready. */
export function updateUnready(
  host: BalancerHost,
  entries: readonly AddressEntry<unknown>[],
): void {
  const state = groupState(entries.map((entry) => entry.state));
  if (state !== "TRANSIENT_FAILURE") return host.updateState("CONNECTING", QUEUE_PICKER);
  host.updateState(state, failingPicker(Status.UNAVAILABLE, groupFailure(host.target, entries)));
}

/** Makes the picker of ready addresses, of which there is at least one. */
export type ReadyPicker<Config, Data> = (
  ready: readonly AddressEntry<Data>[],
  config: Config,
) => Picker;

/**
 * A balancer that connects to all addresses and has a picker of the ready ones. Most policies are one:
 *
 * ```ts
 * import { ReadyBalancer, registerBalancer } from "@vrpc/vrpc/balancer";
 *
 * registerBalancer({
 *   name: "example.random",
 *   create: (host) =>
 *     new ReadyBalancer(host, (ready) => ({
 *       pick: () => ready[Math.floor(host.random() * ready.length)].subchannel,
 *     })),
 * });
 * ```
 */
export class ReadyBalancer<Config = unknown, Data = undefined> implements Balancer<Config> {
  readonly #host: BalancerHost;
  readonly #makePicker: ReadyPicker<Config, Data>;
  readonly #list: AddressList<Data>;
  #config!: Config;
  #updating = false;

  /** `data` makes what the policy keeps for each address. */
  constructor(
    host: BalancerHost,
    makePicker: ReadyPicker<Config, Data>,
    data: (address: ResolvedAddress) => Data = () => undefined as Data,
  ) {
    this.#host = host;
    this.#makePicker = makePicker;
    this.#list = new AddressList(host, () => this.#changed(), data);
  }

  update({ addresses, config }: BalancerUpdate<Config>): void {
    this.#config = config;
    this.#updating = true;
    this.#list.update(addresses);
    for (const { subchannel } of this.#list.entries) subchannel.connect();
    this.#updating = false;
    this.#changed();
  }

  close(): void {
    this.#updating = true;
    this.#list.close();
  }

  #changed(): void {
    if (this.#updating) return;
    const { entries } = this.#list;
    const ready = entries.filter((entry) => entry.state === "READY");
    if (ready.length === 0) return updateUnready(this.#host, entries);
    this.#host.updateState("READY", this.#makePicker(ready, this.#config));
  }
}
