/**
 * Interface between the wires and the handlers. The server uses it for gRPC, lean and batched calls alike; the default
 * is the registry of methods, and wrappers add limits around it.
 *
 * @module
 */

import type { HandlerContext, MethodInfo } from "../core/types.ts";

/** Encoded reply of a call, or replies for kinds that stream them. */
export type DispatchReply = Uint8Array | AsyncIterable<Uint8Array>;

/** Finds methods and runs calls. */
export interface Dispatcher {
  /** Finds the method of a path; undefined ends the call with UNIMPLEMENTED. */
  find(path: string): MethodInfo | undefined;
  /**
   * Runs a call. `request` is one encoded message, or an AsyncIterable of them for kinds that stream requests;
   * `context` has deadline, signal, metadata and peer. An RpcError that is thrown becomes the status of the call, any
   * other exception becomes UNKNOWN. Returning the reply without a Promise is fastest.
   *
   * `lend` allows the single reply to be in a pooled buffer, which is reused after the reply was sent; that saves page
   * faults for large replies. Pass `lend` on to another dispatcher only if you return its reply and keep no reference
   * to the reply.
   */
  dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend?: boolean,
  ): DispatchReply | Promise<DispatchReply>;
  /** Returns the error text for a path that `find` does not know. Default: `Unknown method …`. */
  explainMissing?(path: string): string;
  /** Frees resources; called when the server has closed. */
  close?(): Promise<void> | void;
}

/** Wraps a dispatcher. The option `dispatcher` of `serve` takes one. */
export type DispatcherWrapper = (next: Dispatcher) => Dispatcher;

/** Applies the option `dispatcher`. Throws TypeError if it returns no dispatcher: its limits would be missing. */
export function wrapDispatcher(
  registry: Dispatcher,
  wrap: DispatcherWrapper | undefined,
): Dispatcher {
  if (wrap === undefined) return registry;
  const dispatcher = wrap(registry);
  if (typeof dispatcher?.find === "function" && typeof dispatcher.dispatch === "function") {
    return dispatcher;
  }
  throw new TypeError("Cannot use the option dispatcher: it must return a dispatcher");
}
