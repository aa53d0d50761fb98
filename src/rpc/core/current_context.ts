/**
 * The context of the handler that runs now, so that calls made by it inherit its deadline.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { HandlerContext } from "./types.ts";

const running = new AsyncLocalStorage<HandlerContext>();
let tracking = false;

/**
 * Has deadlines inherited from now on. Keeping track of which handler runs costs half a microsecond for
 * each call with a deadline, so servers of programs without a channel don't.
 */
export function trackContexts(): void {
  tracking = true;
}

/**
 * The context of the handler that runs this code, if its call has a deadline and
 * {@link trackContexts} was called before: calls made from here inherit it. Undefined elsewhere.
 */
export function currentContext(): HandlerContext | undefined {
  // Whoever asks once may ask again.
  tracking = true;
  return running.getStore();
}

/**
 * Runs `body`, and what it starts, with `context` as its {@link currentContext}. Worth its cost only for a call with a
 * deadline; call `body` directly for others.
 */
export function runWithContext<R>(context: HandlerContext, body: () => R): R {
  return tracking ? running.run(context, body) : body();
}
