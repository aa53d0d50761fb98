/**
 * Interceptors that make calls fail or wait.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import { checkRange, measured, whole } from "../limits/ranges.ts";
import { systemClock } from "../rpc/core/system_clock.ts";
import type { Interceptor } from "../rpc/core/types.ts";
import { type FakeClock, sleep } from "./fake_clock.ts";

/**
 * Options of {@link flaky}. Exactly one of `every`, `first` and `chance` says which calls fail.
 *
 * @category Testing
 */
export interface FlakyOptions {
  /** Status of the calls that fail. Default UNAVAILABLE. */
  code?: Status;
  /** Text of their status. */
  message?: string;
  /** Fails every n-th call, 1 or more: 3 fails the third, the sixth … */
  every?: number;
  /** Fails the first n calls, 0 or more. */
  first?: number;
  /** Fails calls with this probability, 0 to 1. */
  chance?: number;
  /** Random numbers for `chance`, from 0 to below 1. Default Math.random. */
  random?: () => number;
  /** Paths of the methods that are counted and fail. Default: all. */
  methods?: readonly string[];
}

/**
 * Returns an interceptor that fails some calls before they reach the handler. On a server the failures pass through the
 * client's retries; on a client they don't, because interceptors are around the retries. Throws TypeError unless one
 * option says which calls fail, RangeError for one out of its range.
 *
 * ```ts
 * import { Status } from "@vrpc/vrpc";
 * import { flaky, testServer } from "@vrpc/vrpc/testing";
 *
 * await using test = await testServer((router) => {
 *   router.use(flaky({ code: Status.UNAVAILABLE, every: 2 }));
 *   router.method("/load", {}, (request) => request);
 * });
 * ```
 *
 * @category Testing
 */
export function flaky(options: FlakyOptions): Interceptor {
  const { code = Status.UNAVAILABLE, every, first, chance, random = Math.random } = options;
  if ([every, first, chance].filter((one) => one !== undefined).length !== 1) {
    throw new TypeError("Cannot use flaky: it takes one of every, first and chance");
  }
  if (every !== undefined) checkRange("every", every, whole(1));
  if (first !== undefined) checkRange("first", first, whole(0));
  if (chance !== undefined) checkRange("chance", chance, measured(0, 1));
  const message = options.message ?? "The test made this call fail";
  let calls = 0;
  const fails = () => {
    calls++;
    if (every !== undefined) return calls % every === 0;
    return first === undefined ? random() < chance! : calls <= first;
  };
  return (next) => (call) => {
    const counts = options.methods?.includes(call.method.path) ?? true;
    return counts && fails() ? Promise.reject(new RpcError(code, message)) : next(call);
  };
}

/**
 * Options of {@link latency}.
 *
 * @category Testing
 */
export interface LatencyOptions {
  /** Time that each call waits, in ms, 0 or more. */
  ms: number;
  /** Further time in ms, of which a random part is added. 0 or more. Default 0. */
  jitterMs?: number;
  /** Random numbers for the jitter, from 0 to below 1. Default Math.random. */
  random?: () => number;
  /** Time to wait in. Default: the system's. */
  clock?: FakeClock;
}

/**
 * Returns an interceptor that holds calls before they go on. A call that is cancelled meanwhile ends at once. Throws
 * RangeError for times out of range.
 *
 * @category Testing
 */
export function latency(options: LatencyOptions): Interceptor {
  const { ms, jitterMs = 0, random = Math.random, clock = systemClock } = options;
  checkRange("ms", ms, measured(0));
  checkRange("jitterMs", jitterMs, measured(0));
  return (next) => async (call) => {
    await sleep(clock, ms + jitterMs * random(), call.signal);
    return await next(call);
  };
}
