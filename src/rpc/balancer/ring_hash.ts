/**
 * `ring_hash`: calls with the same value of a header go to the same address (gRPC A42, A61 and A76).
 *
 * @module
 */

import { joinedTextOf } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { type AddressEntry, AddressList, groupFailure } from "./address_list.ts";
import { buildRing, type Ring } from "./hash_ring.ts";
import { integerField, objectOf, wrong } from "./json_fields.ts";
import { RandomIndex } from "./random_index.ts";
import {
  type Balancer,
  type BalancerHost,
  type BalancerPolicyDefinition,
  type BalancerSubchannel,
  type BalancerUpdate,
  type ConnectivityState,
  type PickedCall,
  type Picker,
  PickFailure,
  REQUEST_HASH,
} from "./types.ts";
import { hashHigh, hashLow, xxh64 } from "./xxh64.ts";

/** Configuration of `ring_hash`. */
export interface RingHashConfig {
  readonly minRingSize: number;
  readonly maxRingSize: number;
  /** Request header whose value is hashed; empty for none: the hash is then that of the config selector, or random. */
  readonly requestHashHeader: string;
}

// Defaults of gRPC A42, and the cap on rings of gRPC's clients.
const MIN_RING_SIZE = 1_024;
const MAX_RING_SIZE = 8_388_608;
const RING_SIZE_CAP = 4_096;

/** The policy `ring_hash`, which gRPC calls `ring_hash_experimental`. */
export const RING_HASH: BalancerPolicyDefinition<RingHashConfig> = {
  name: "ring_hash",
  parseConfig(value) {
    const where = "ring_hash";
    const json = objectOf(value, where);
    const min = integerField(json, "minRingSize", where, MIN_RING_SIZE, 1, MAX_RING_SIZE);
    const max = integerField(json, "maxRingSize", where, RING_SIZE_CAP, 1, MAX_RING_SIZE);
    if (min > max) throw wrong(`${where}.minRingSize`, `${min} is above maxRingSize ${max}`);
    const { requestHashHeader = "" } = json;
    if (typeof requestHashHeader !== "string" || requestHashHeader.endsWith("-bin")) {
      throw wrong(`${where}.requestHashHeader`, "it must be the name of a header with text");
    }
    return {
      minRingSize: Math.min(min, RING_SIZE_CAP),
      maxRingSize: Math.min(max, RING_SIZE_CAP),
      requestHashHeader: requestHashHeader.toLowerCase(),
    };
  },
  create: (host) => new RingHash(host),
};

/** Connects to addresses when calls are picked for them. */
class RingHash implements Balancer<RingHashConfig> {
  readonly #host: BalancerHost;
  readonly #list: AddressList;
  #picker: RingPicker | undefined = undefined;
  #updating = false;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#list = new AddressList(host, () => this.#changed(), () => undefined);
  }

  update({ addresses, config }: BalancerUpdate<RingHashConfig>): void {
    this.#updating = true;
    this.#list.update(addresses);
    this.#updating = false;
    const { entries } = this.#list;
    const ring = buildRing(entries.map((entry) => entry.address), config);
    this.#picker = new RingPicker(ring, entries, config.requestHashHeader, this.#host);
    this.#changed();
  }

  exitIdle(): void {
    this.#list.entries.find((entry) => entry.state === "IDLE")?.subchannel.connect();
  }

  close(): void {
    this.#updating = true;
    this.#list.close();
  }

  #changed(): void {
    if (this.#updating) return;
    const states = this.#list.entries.map((entry) => entry.state);
    const state = ringState(states);
    this.#host.updateState(state, this.#picker!);
    // No calls are picked while a priority below is in use, so the policy itself has to find a working address.
    const failing = state === "TRANSIENT_FAILURE" || states.includes("TRANSIENT_FAILURE");
    if (failing && state !== "READY" && !states.includes("CONNECTING")) this.exitIdle();
  }
}

/** Returns the state of the policy for those of its addresses (gRPC A42, "Aggregated Connectivity State"). */
function ringState(states: readonly ConnectivityState[]): ConnectivityState {
  if (states.includes("READY")) return "READY";
  const failed = states.filter((state) => state === "TRANSIENT_FAILURE").length;
  if (failed >= 2) return "TRANSIENT_FAILURE";
  if (states.includes("CONNECTING") || (failed === 1 && states.length > 1)) return "CONNECTING";
  return states.includes("IDLE") ? "IDLE" : "TRANSIENT_FAILURE";
}

/** Picks by the hash of a header; the states are those of the entries at the time of the pick. */
export class RingPicker implements Picker {
  readonly dependsOnCall = true;
  readonly #ring: Ring;
  readonly #entries: readonly AddressEntry[];
  readonly #header: string;
  readonly #host: Pick<BalancerHost, "random" | "target">;
  readonly #random: RandomIndex;

  /** `header` is in lower case; empty for random picks. */
  constructor(
    ring: Ring,
    entries: readonly AddressEntry[],
    header: string,
    host: Pick<BalancerHost, "random" | "target">,
  ) {
    this.#ring = ring;
    this.#entries = entries;
    this.#header = header;
    this.#host = host;
    this.#random = new RandomIndex(host.random);
  }

  pick(call: PickedCall): BalancerSubchannel | PickFailure | undefined {
    if (this.#header === "") return this.#pickByAttribute(call);
    const { metadata } = call;
    const text = metadata === undefined ? undefined : joinedTextOf(metadata, this.#header);
    if (text === undefined) return this.#pickRandom();
    xxh64(text);
    return this.#pickFrom(this.#ring.find(hashHigh(), hashLow()));
  }

  #pickByAttribute({ attributes }: PickedCall): BalancerSubchannel | PickFailure | undefined {
    const hash = attributes?.[REQUEST_HASH];
    if (typeof hash !== "bigint") return this.#pickRandom();
    const half = (shift: bigint) => Number(BigInt.asIntN(32, hash >> shift));
    return this.#pickFrom(this.#ring.find(half(32n), half(0n)));
  }

  #pickFrom(first: number): BalancerSubchannel | PickFailure | undefined {
    const { owners } = this.#ring;
    for (let i = 0; i < owners.length; i++) {
      const entry = this.#entries[owners[(first + i) % owners.length]];
      switch (entry.state) {
        case "READY":
          return entry.subchannel;
        case "IDLE":
          entry.subchannel.connect();
          return undefined;
        case "CONNECTING":
          return undefined;
      }
    }
    return this.#failure();
  }

  // gRPC A76: a call without the header prefers ready addresses, and causes at most one connection.
  #pickRandom(): BalancerSubchannel | PickFailure | undefined {
    const { owners } = this.#ring;
    const first = this.#random.below(owners.length);
    let waits = this.#entries.some((entry) => entry.state === "CONNECTING");
    for (let i = 0; i < owners.length; i++) {
      const entry = this.#entries[owners[(first + i) % owners.length]];
      if (entry.state === "READY") return entry.subchannel;
      if (entry.state === "IDLE" && !waits) {
        waits = true;
        entry.subchannel.connect();
      }
    }
    return waits ? undefined : this.#failure();
  }

  #failure(): PickFailure {
    return new PickFailure(Status.UNAVAILABLE, groupFailure(this.#host.target, this.#entries));
  }
}
