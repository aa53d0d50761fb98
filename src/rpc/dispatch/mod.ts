/**
 * Dispatchers: layers between the wires and the handlers, for the option `dispatcher` of `serve`.
 *
 * ```ts
 * import { serve } from "@vrpc/vrpc";
 * import { composeDispatchers, concurrencyLimit, methodTimeouts } from "@vrpc/vrpc/dispatch";
 *
 * await using server = await serve("127.0.0.1:50051", () => {}, {
 *   dispatcher: composeDispatchers(
 *     concurrencyLimit({ limit: 100, maxQueue: 1_000 }),
 *     methodTimeouts({ methods: { "/shop.Orders/List": 500 } }),
 *   ),
 * });
 * ```
 *
 * @module
 */

export type { Dispatcher, DispatcherWrapper, DispatchReply } from "./dispatcher.ts";
export {
  composeDispatchers,
  concurrencyLimit,
  type ConcurrencyLimitOptions,
  DispatcherLayer,
  methodTimeouts,
  type MethodTimeoutsOptions,
  panicBarrier,
} from "./layers.ts";
