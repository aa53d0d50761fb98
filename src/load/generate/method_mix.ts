/**
 * Target that calls several methods, in proportion to their weights.
 *
 * @module
 */

import { type CallSpec, channelTarget, type RawChannel } from "./channel_target.ts";
import type { Target } from "./target.ts";
import type { CallNumber } from "./variables.ts";

/** Calls of one method, as plain data. */
export interface WeightedCall {
  /** Calls to make. */
  readonly spec: CallSpec;
  /** Share of the calls, in proportion to the other weights; above 0. */
  readonly weight: number;
}

/**
 * Chooses by weight and evenly: of weights 3 and 1 the second is each fourth, not one of four at random. This is the
 * smooth weighted round robin of nginx.
 */
export class WeightedTurns {
  readonly #weights: readonly number[];
  readonly #sum: number;
  readonly #credit: number[];

  /** Weights above 0. */
  constructor(weights: readonly number[]) {
    this.#weights = weights;
    this.#sum = weights.reduce((a, b) => a + b, 0);
    this.#credit = weights.map(() => 0);
  }

  /** Returns the index that is next. */
  next(): number {
    let best = 0;
    for (let i = 0; i < this.#credit.length; i++) {
      this.#credit[i] += this.#weights[i];
      if (this.#credit[i] > this.#credit[best]) best = i;
    }
    this.#credit[best] -= this.#sum;
    return best;
  }
}

/** Creates the target for one or more methods over the same channels. */
export function mixedTarget(
  channels: readonly RawChannel[],
  streams: number,
  calls: readonly WeightedCall[],
  worker?: Pick<CallNumber, "worker" | "workers">,
): Target {
  const targets = calls.map(({ spec }) => channelTarget(channels, streams, spec, worker));
  const [only] = targets;
  if (targets.length === 1) return only;
  const turns = new WeightedTurns(calls.map(({ weight }) => weight));
  const methods = new Uint8Array(only.slots);
  return {
    slots: only.slots,
    methods: targets.length,
    methodOf: (slot) => methods[slot],
    sentBytes: (slot) => targets[methods[slot]].sentBytes(slot),
    call(slot, sequence) {
      methods[slot] = turns.next();
      return targets[methods[slot]].call(slot, sequence);
    },
    unreachable: only.unreachable,
    serverTimeUs: (reply, slot) => targets[methods[slot]].serverTimeUs?.(reply, slot),
  };
}
