/**
 * Definitions of grpc-js in the native interface: services with callbacks on a Router, clients with promises on a Channel.
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

import { Buffer } from "node:buffer";
import type { MethodKind } from "../call/method.ts";
import type { Codec } from "../codec/codec.ts";
import type { BoundMethod, Channel } from "../rpc/channel/channel.ts";
import type { CallOptions, HandlerContext } from "../rpc/core/types.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import { kindOf } from "./client_interceptors.ts";
import type { ClientMethodDefinition, ServiceDefinition } from "./definitions.ts";
import { runUnary } from "./direct_unary.ts";
import type { HandledMethod } from "./methods.ts";
import { runHandler } from "./run_handler.ts";
import { StreamServerCall } from "./server_call.ts";
import type { UntypedServiceImplementation } from "./server_surface.ts";
import { methodsOf } from "./service_methods.ts";

/** Requests of a client: any iterable. */
export type Requests<T> = AsyncIterable<T> | Iterable<T>;

/**
 * Function that calls a method of a definition. Failures are RpcErrors. Without literal types, a definition does not tell
 * which sides stream, and neither does the type of the function.
 */
export type DefinedFunction<M> = M extends ClientMethodDefinition<infer Req, infer Res>
  ? boolean extends M["requestStream"] | M["responseStream"]
    // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
    ? (request: any, options?: CallOptions) => any
  : M extends { requestStream: true; responseStream: true }
    ? (requests: Requests<Req>, options?: CallOptions) => AsyncIterable<Res>
  : M extends { requestStream: true }
    ? (requests: Requests<Req>, options?: CallOptions) => Promise<Res>
  : M extends { responseStream: true } ? (request: Req, options?: CallOptions) => AsyncIterable<Res>
  : (request: Req, options?: CallOptions) => Promise<Res>
  : never;

/** Client of a definition: a function for each method. */
export type DefinedClient<D> = { readonly [P in keyof D]: DefinedFunction<D[P]> };

const FUNCTIONS: Readonly<Record<MethodKind, keyof BoundMethod<unknown, unknown>>> = {
  unary: "unary",
  client_streaming: "clientStreaming",
  server_streaming: "serverStreaming",
  bidi_streaming: "bidiStreaming",
};

/**
 * Adds a service to a router, with handlers as grpc-js has them. Methods without a handler end with UNIMPLEMENTED. Throws
 * TypeError for a path that is taken. Interceptors of the router get encoded messages, and both sides of all methods but
 * unary ones as streams.
 */
export function addService(
  router: Router,
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

/** Returns a client of a service on a channel. Streams are async iterables. */
export function clientOf<D extends object>(channel: Channel, definition: D): DefinedClient<D> {
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  const methods = Object.entries(definition) as [string, ClientMethodDefinition<any, any>][];
  const functions = methods.map(([name, method]) => {
    const kind = kindOf(method);
    const bound = channel.method({
      path: method.path,
      kind,
      requestCodec: requestCodec(method),
      responseCodec: responseCodec(method),
    });
    return [name, bound[FUNCTIONS[kind]].bind(bound)];
  });
  return Object.fromEntries(functions);
}

function requestCodec(
  { requestSerialize }: ClientMethodDefinition<unknown, unknown>,
): Codec<unknown> {
  return { name: "grpc-js", encode: requestSerialize, decode: oneWay };
}

function responseCodec(
  { responseDeserialize }: ClientMethodDefinition<unknown, unknown>,
): Codec<unknown> {
  return {
    name: "grpc-js",
    encode: oneWay,
    decode: ({ buffer, byteOffset, byteLength }) =>
      responseDeserialize(Buffer.from(buffer, byteOffset, byteLength)),
  };
}

function oneWay(): never {
  throw new TypeError("A client encodes requests and decodes replies only");
}
