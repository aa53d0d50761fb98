/**
 * Context of the running handler, from which its calls inherit the deadline.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { HandlerContext } from "./types.ts";

const running = new AsyncLocalStorage<HandlerContext>();
let tracking = false;

/**
 * Enables inheritance of deadlines. Tracking the running handler costs half a microsecond per call with a deadline, so
 * it is off in programs without a channel.
 */
export function trackContexts(): void {
  tracking = true;
}

/**
 * Returns the context of the handler that runs this code, if its call has a deadline and {@link trackContexts} was
 * called before it started. Undefined elsewhere.
 */
export function currentContext(): HandlerContext | undefined {
  // Enables tracking: a program that asks for its context once is likely to ask again.
  tracking = true;
  return running.getStore();
}

/**
 * Runs `body`, and async work that it starts, with `context` as its {@link currentContext}. Only needed for calls with
 * a deadline.
 */
export function runWithContext<R>(context: HandlerContext, body: () => R): R {
  return tracking ? running.run(context, body) : body();
}
