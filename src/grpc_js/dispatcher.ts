/**
 * Finds the methods of a server and runs its calls.
 *
 * @module
 */

import type { Dispatcher, DispatchReply } from "../rpc/dispatch/dispatcher.ts";
import type { HandlerContext, MethodInfo } from "../rpc/core/types.ts";
import { runUnary } from "./direct_unary.ts";
import type { DispatchedMethod, HandledMethod } from "./methods.ts";
import { runHandler } from "./run_handler.ts";
import { StreamServerCall } from "./server_call.ts";
import type { ServerInterceptor } from "./server_interceptors.ts";

/** Dispatcher of the calls on one address of a server. */
export class ServiceDispatcher implements Dispatcher {
  /** Address that the server listens on, once it does. */
  local: string | undefined = undefined;
  readonly #methods: ReadonlyMap<string, HandledMethod>;
  readonly #interceptors: readonly ServerInterceptor[];
  readonly #maxSendBytes: number;

  /** `methods` are those of the server, and may change. */
  constructor(
    methods: ReadonlyMap<string, HandledMethod>,
    interceptors: readonly ServerInterceptor[],
    maxSendBytes: number,
  ) {
    this.#methods = methods;
    this.#interceptors = interceptors;
    this.#maxSendBytes = maxSendBytes;
  }

  find(path: string): MethodInfo | undefined {
    const method = this.#methods.get(path);
    return this.#interceptors.length === 0 ? method?.info : method?.streamed;
  }

  explainMissing(path: string): string {
    return `The server does not implement the method ${path}`;
  }

  dispatch(
    method: MethodInfo,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    context: HandlerContext,
  ): DispatchReply | Promise<DispatchReply> {
    const { handled } = method as DispatchedMethod;
    if (method.kind === "unary") {
      return runUnary(handled, request as Uint8Array, context, this.#maxSendBytes);
    }
    const replies = context.stream as unknown as AsyncIterable<Uint8Array>;
    const requests = request as AsyncIterable<Uint8Array>;
    const call = new StreamServerCall(
      handled,
      requests,
      context,
      this.#maxSendBytes,
      this.local,
    );
    runHandler(handled, call, this.#interceptors);
    return replies;
  }
}
