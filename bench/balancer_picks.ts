/**
 * Pickers of all balancers over eight ready addresses, for benchmarks of their picks.
 *
 * @module
 */

import { Metadata } from "../src/call/metadata.ts";
import { registerBuiltinBalancers } from "../src/rpc/balancer/builtin.ts";
import { configureBalancer } from "../src/rpc/balancer/registry.ts";
import { encodeLoadReport, ORCA_TRAILER } from "../src/rpc/balancer/orca.ts";
import {
  type BalancerSubchannel,
  type PickedCall,
  type Picker,
  QUEUE_PICKER,
  type SubchannelListener,
} from "../src/rpc/balancer/types.ts";

/** Picks of {@link pickAll}. */
export const TIMES = 1_000;
const rr = [{ round_robin: {} }];
/** Policies and their configurations. */
export const POLICIES: Record<string, unknown> = {
  pick_first: {},
  round_robin: {},
  least_request: {},
  weighted_round_robin: { blackoutPeriod: "0s" },
  ring_hash: { requestHashHeader: "session" },
  outlier_detection: { failurePercentageEjection: {}, childPolicy: rr },
  random_subsetting: { subsetSize: 4, childPolicy: rr },
  priority: { priorities: ["p"], children: { p: { config: rr } } },
  weighted_target: {
    targets: { p: { weight: 9, childPolicy: rr }, q: { weight: 1, childPolicy: rr } },
  },
};

registerBuiltinBalancers();

/** Returns the picker of a policy over eight ready addresses. */
export function pickerOf(name: string, json: unknown): Picker {
  let picker = QUEUE_PICKER;
  let timer = () => {};
  const { policy, config } = configureBalancer(name, json)!;
  const listeners: SubchannelListener[] = [];
  const balancer = policy.create({
    target: "bench",
    clock: { now: () => 0, setTimer: (callback) => timer = callback, clearTimer() {} },
    random: Math.random,
    createSubchannel: ({ address }, listener) => {
      listeners.push(listener);
      const connect = () => listener.onState("READY", undefined);
      return {
        address,
        free: true,
        load: 0,
        connect,
        disconnect() {},
        close() {},
      } as unknown as BalancerSubchannel;
    },
    updateState: (_, newest) => picker = newest,
    reresolve() {},
    log() {},
  });
  balancer.update({
    addresses: Array.from({ length: 8 }, (_, i) => ({
      address: `10.0.0.${i}:1`,
      attributes: { path: [i % 2 === 0 ? "p" : "q"] },
    })),
    config,
    attributes: {},
  });
  if (name === "weighted_round_robin") {
    for (const [i, listener] of listeners.entries()) {
      const trailers = new Metadata();
      const report = { requestsPerSecond: 100, cpuUtilization: 0.1 + i / 10 };
      trailers.set(ORCA_TRAILER, encodeLoadReport(report));
      listener.onCallEnd!(0, () => trailers);
    }
    timer();
  }
  if (name === "ring_hash") {
    for (const call of calls) picker.pick(call);
  }
  return picker;
}

const calls: PickedCall[] = Array.from({ length: TIMES }, (_, i) => ({
  path: "/bench.Echo/Unary",
  metadata: new Metadata({ session: `7f3c9a1e-0b52-4c1d-9a50-${i}` }),
}));

/** Picks once for each of {@link TIMES} calls, which have different sessions. */
export function pickAll(picker: Picker): void {
  for (const call of calls) {
    if (picker.pick(call) === undefined) throw new Error("A call was not picked");
  }
}
