/**
 * `pick_first`: one address at a time, found by Happy Eyeballs (gRPC A61 and A62, RFC 8305).
 *
 * @module
 */

import { type AddressEntry, AddressList, updateUnready } from "./address_list.ts";
import { booleanField, objectOf } from "./json_fields.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerUpdate,
  type ResolvedAddress,
  SinglePicker,
} from "./types.ts";

/** Configuration of `pick_first`. */
export interface PickFirstConfig {
  /** Whether the addresses are tried in a random order. Default false. */
  readonly shuffleAddressList: boolean;
}

/** The policy `pick_first`. */
export const PICK_FIRST: BalancerPolicyDefinition<PickFirstConfig> = {
  name: "pick_first",
  parseConfig(json) {
    const where = "pick_first";
    return { shuffleAddressList: booleanField(objectOf(json, where), "shuffleAddressList", where) };
  },
  create: (host) => new PickFirst(host),
};

// Delay before the next address is tried while the one before has not answered (RFC 8305 §5, gRPC A61), in ms.
const ATTEMPT_DELAY_MS = 250;

/** Connects to the addresses one after the other, and uses the first that is ready. */
class PickFirst implements Balancer<PickFirstConfig> {
  readonly #host: BalancerHost;
  readonly #list: AddressList;
  #selected: AddressEntry | undefined = undefined;
  /** Index of the next address to try. */
  #next = 0;
  #timer: unknown = undefined;
  /** Whether states change because of this balancer itself. */
  #acting = false;
  #closed = false;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#list = new AddressList(host, (entry) => this.#changed(entry), () => undefined);
  }

  update({ addresses, config }: BalancerUpdate<PickFirstConfig>): void {
    const listed = config.shuffleAddressList ? shuffled(addresses, this.#host.random) : addresses;
    this.#acting = true;
    this.#list.update(interleaved(listed));
    this.#acting = false;
    const { entries } = this.#list;
    if (this.#selected !== undefined && entries.includes(this.#selected)) return;
    this.#selected = undefined;
    const ready = entries.find((entry) => entry.state === "READY");
    if (ready !== undefined) return this.#select(ready);
    this.#restart();
  }

  close(): void {
    this.#closed = true;
    this.#clearTimer();
    this.#list.close();
  }

  #changed(entry: AddressEntry): void {
    if (this.#acting || this.#closed) return;
    if (entry === this.#selected) {
      if (entry.state === "READY") return;
      this.#selected = undefined;
      this.#restart();
    } else if (entry.state === "READY") {
      this.#select(entry);
    } else if (this.#selected === undefined) {
      if (entry.state === "TRANSIENT_FAILURE" && this.#list.entries[this.#next - 1] === entry) {
        this.#advance();
      }
      updateUnready(this.#host, this.#list.entries);
    }
  }

  /** Tries the addresses from the first on. */
  #restart(): void {
    this.#next = 0;
    this.#advance();
    if (this.#selected === undefined) updateUnready(this.#host, this.#list.entries);
  }

  /** Tries the next address, and those behind it while one has failed already. */
  #advance(): void {
    this.#clearTimer();
    const { entries } = this.#list;
    while (this.#next < entries.length && this.#selected === undefined) {
      const entry = entries[this.#next++];
      this.#acting = true;
      entry.subchannel.connect();
      this.#acting = false;
      if (entry.state === "READY") return this.#select(entry);
      if (entry.state === "TRANSIENT_FAILURE") continue;
      if (this.#next < entries.length) {
        this.#timer = this.#host.clock.setTimer(() => {
          this.#timer = undefined;
          this.#advance();
        }, ATTEMPT_DELAY_MS);
      }
      return;
    }
  }

  #select(entry: AddressEntry): void {
    this.#clearTimer();
    this.#selected = entry;
    this.#acting = true;
    for (const other of this.#list.entries) {
      if (other !== entry) other.subchannel.disconnect();
    }
    this.#acting = false;
    if (entry.state !== "READY") return this.#changed(entry);
    this.#host.updateState("READY", new SinglePicker(entry.subchannel));
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#host.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function shuffled(
  addresses: readonly ResolvedAddress[],
  random: () => number,
): ResolvedAddress[] {
  const list = [...addresses];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** Orders addresses so that their families alternate, the first one's first (RFC 8305 §4). */
export function interleaved(addresses: readonly ResolvedAddress[]): ResolvedAddress[] {
  const families = new Map<string, ResolvedAddress[]>();
  for (const one of addresses) {
    const { address } = one;
    const family = /^(?:ipv6:)?\[/.test(address)
      ? "ipv6"
      : /^\d+\.|^ipv4:/.test(address)
      ? "ipv4"
      : "";
    families.set(family, [...families.get(family) ?? [], one]);
  }
  const lists = [...families.values()];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1)))
    .flat();
}
