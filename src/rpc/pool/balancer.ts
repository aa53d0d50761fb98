/**
 * Load balancing: chooses one of the ready connections for a call.
 *
 * @module
 */

/** Load balancing policies; see {@link makePicker}. */
export type BalancerPolicy = "pick_first" | "round_robin" | "least_request";

/** A connection as a picker sees it. */
export interface Pickable {
  /** Whether the connection can start another call. */
  readonly free: boolean;
  /** Calls in flight. */
  readonly load: number;
}

/** Returns one of `ready`, or undefined if none of them is free. */
export type Picker = <T extends Pickable>(ready: readonly T[]) => T | undefined;

/**
 * Makes the picker of a policy. Throws TypeError for an unknown policy.
 *
 * `least_request` compares two random connections and picks the one with fewer calls in flight: nearly as even as
 * comparing all of them, and independent clients don't all pick the same one (Mitzenmacher, "The Power of Two Choices
 * in Randomized Load Balancing", 2001). `round_robin` picks them in turn. `pick_first` uses one address at a time; among
 * the connections to it, it picks like `least_request`.
 */
export function makePicker(policy: BalancerPolicy, random: () => number): Picker {
  switch (policy) {
    case "round_robin":
      return roundRobin();
    case "least_request":
    case "pick_first":
      return leastRequest(random);
    default:
      throw new TypeError(
        `Cannot balance by ${
          JSON.stringify(policy)
        }: must be pick_first, round_robin or least_request`,
      );
  }
}

function roundRobin(): Picker {
  let next = 0;
  return (ready) => {
    const count = ready.length;
    for (let i = 0; i < count; i++) {
      if (next >= count) next = 0;
      const one = ready[next++];
      if (one.free) return one;
    }
    return undefined;
  };
}

function leastRequest(random: () => number): Picker {
  return (ready) => {
    const count = ready.length;
    if (count === 0) return undefined;
    const first = ready[0];
    if (count === 1) return first.free ? first : undefined;
    const i = Math.floor(random() * count);
    let j = Math.floor(random() * (count - 1));
    if (j >= i) j++;
    const a = ready[i];
    const b = ready[j];
    if (a.free && b.free) return b.load < a.load ? b : a;
    if (a.free) return a;
    if (b.free) return b;
    let best: (typeof ready)[number] | undefined;
    for (const one of ready) {
      if (one.free && (best === undefined || one.load < best.load)) best = one;
    }
    return best;
  };
}
