/**
 * Clients of definitions, as proto-loader and the generators for grpc-js make them, with promises and async iterables.
 *
 * @module
 */

import { builtinModule } from "../../bytes/builtin_module.ts";
import type { Codec } from "../../codec/codec.ts";
import { type DefinedMethod, kindOf } from "../core/definitions.ts";
import type { CallOptions } from "../core/types.ts";
import type { BidiStreamingFunction, BindMethod } from "./typed_client.ts";

/** Requests of a client: any iterable. */
export type Requests<T> = AsyncIterable<T> | Iterable<T>;

/**
 * Function that calls a method of a definition. Failures are RpcErrors. Without literal types, a definition does not tell
 * which sides stream, and neither does the type of the function.
 *
 * @category Client
 */
export type DefinedFunction<M> = M extends {
  readonly requestStream: infer In;
  readonly responseStream: infer Out;
  requestSerialize(message: infer Req): Uint8Array;
  responseDeserialize(bytes: never): infer Res;
} ? true extends (boolean extends In ? true : boolean extends Out ? true : false)
    // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
    ? (request: any, options?: CallOptions) => any
  : In extends true ? Out extends true ? BidiStreamingFunction<Req, Res>
    : (requests: Requests<Req>, options?: CallOptions) => Promise<Res>
  : Out extends true ? (request: Req, options?: CallOptions) => AsyncIterable<Res>
  : (request: Req, options?: CallOptions) => Promise<Res>
  : never;

/**
 * Client of a definition: a function for each method.
 *
 * @category Client
 */
export type DefinedClient<D> = { readonly [P in keyof D]: DefinedFunction<D[P]> };

/** Makes the client of a definition. Throws TypeError for what is none. */
export function makeDefinedClient(definition: object, bind: BindMethod): unknown {
  const functions = Object.entries(definition).map(([name, method]) => {
    checkMethod(name, method);
    return [
      name,
      bind({
        path: method.path,
        kind: kindOf(method),
        requestCodec: requestCodec(method),
        responseCodec: responseCodec(method),
      }),
    ];
  });
  if (functions.length === 0) {
    throw new TypeError("Cannot make a client of a service without methods");
  }
  return Object.fromEntries(functions);
}

function checkMethod(
  name: string,
  method: Partial<DefinedMethod> | undefined,
): asserts method is DefinedMethod {
  const { path, requestSerialize, responseDeserialize } = method ?? {};
  if (
    typeof path === "string" && typeof requestSerialize === "function" &&
    typeof responseDeserialize === "function"
  ) return;
  throw new TypeError(
    `Cannot make a client: ${name} is no method. Give the descriptor of a service, or a definition with path, ` +
      "requestSerialize and responseDeserialize of each method",
  );
}

function requestCodec({ requestSerialize }: DefinedMethod): Codec<unknown> {
  return { name: "grpc-js", encode: requestSerialize, decode: oneWay };
}

function responseCodec({ responseDeserialize }: DefinedMethod): Codec<unknown> {
  const { Buffer } = builtinModule("node:buffer");
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
