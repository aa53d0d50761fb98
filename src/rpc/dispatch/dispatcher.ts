/**
 * What stands between the wires and the handlers. The server calls it for plain gRPC, lean and batched
 * calls alike; the default is the registry of methods, and wrappers add limits around it.
 *
 * @module
 */

import type { HandlerContext, MethodInfo } from "../core/types.ts";

/** One reply, or any number of them for kinds that stream replies. */
export type DispatchReply = Uint8Array | AsyncIterable<Uint8Array>;

/** Finds methods and runs calls. */
export interface Dispatcher {
  /** The method behind a path; undefined when there is none (the call gets UNIMPLEMENTED). */
  find(path: string): MethodInfo | undefined;
  /**
   * Runs a call. `request` is one encoded message, or an AsyncIterable of them for kinds that stream
   * requests; deadline, signal, metadata and peer are in the context. An RpcError that is thrown or
   * rejected with is the call's status; anything else becomes UNKNOWN. Answering without a Promise is
   * fastest.
   *
   * `lend` allows the single reply to be in a buffer that is reused once the reply was sent, which saves much for
   * large replies. Pass it on to another dispatcher only if you return its reply unchanged and keep no reference.
   */
  dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
    lend?: boolean,
  ): DispatchReply | Promise<DispatchReply>;
  /** What to tell the caller of a path that `find` doesn't know. Default: a text with the path. */
  explainMissing?(path: string): string;
  /** Frees what it holds; called when the server has closed. */
  close?(): Promise<void> | void;
}

/** Wraps a dispatcher; `serve` takes one as `dispatcher` option. */
export type DispatcherWrapper = (next: Dispatcher) => Dispatcher;
