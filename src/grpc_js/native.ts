/**
 * Definitions of grpc-js in the native interface: services with callbacks on a Router, clients with promises on a Channel.
 * `router.addService` and `channel.client` do the same.
 *
 * ```ts ignore
 * import { connect, serve } from "@vrpc/vrpc";
 * import { addService, clientOf } from "@vrpc/vrpc/grpc-js/native";
 *
 * await using server = await serve("127.0.0.1:0", (router) => {
 *   addService(router, GreeterService, {
 *     sayHello: (call, callback) => callback(null, { message: `Hello ${call.request.name}` }),
 *   });
 * });
 * await using channel = connect(server.addresses[0]);
 * const { message } = await clientOf(channel, GreeterService).sayHello({ name: "Ada" });
 * ```
 *
 * @module
 */

import type { Channel } from "../rpc/channel/channel.ts";
import type { DefinedClient } from "../rpc/channel/defined_client.ts";
import type { DefinedService } from "../rpc/core/definitions.ts";
import type { HandlerContext } from "../rpc/core/types.ts";
import type { MethodAdder } from "../rpc/dispatch/definition_adder.ts";
import type { ServiceDefinition } from "./definitions.ts";
import { runUnary } from "./direct_unary.ts";
import type { HandledMethod } from "./methods.ts";
import { runHandler } from "./run_handler.ts";
import { StreamServerCall } from "./server_call.ts";
import type { UntypedServiceImplementation } from "./server_surface.ts";
import { methodsOf } from "./service_methods.ts";

export type { MethodAdder } from "../rpc/dispatch/definition_adder.ts";
export type { DefinedClient, DefinedFunction, Requests } from "../rpc/channel/defined_client.ts";

/**
 * Adds a service to a router, with handlers as grpc-js has them. Methods without a handler end with UNIMPLEMENTED. Throws
 * TypeError for a path that is taken. Interceptors of the router get encoded messages, and both sides of all methods but
 * unary ones as streams.
 */
export function addService(
  router: MethodAdder,
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
): void {
  for (const method of methodsOf(definition, implementation)) {
    if (method.type === "unary") {
      router.method(
        method.path,
        { kind: "unary" },
        (request, context) => runUnary(method, request, context, Infinity),
      );
    } else {
      router.method(
        method.path,
        { kind: "bidi_streaming" },
        (requests, context) => repliesOf(method, requests, context),
      );
    }
  }
}

function repliesOf(
  method: HandledMethod,
  requests: AsyncIterable<Uint8Array>,
  context: HandlerContext,
): AsyncIterable<Uint8Array> {
  runHandler(method, new StreamServerCall(method, requests, context, Infinity, undefined), []);
  return context.stream as unknown as AsyncIterable<Uint8Array>;
}

/** Returns `channel.client(definition)`: a client of a service, with promises and async iterables. */
export function clientOf<D extends DefinedService<D>>(
  channel: Channel,
  definition: D,
): DefinedClient<D> {
  return channel.client<D>(definition);
}
