/**
 * Definitions of services as proto-loader and the generators for grpc-js make them.
 *
 * @module
 */

import type { MethodKind } from "../../call/method.ts";

/**
 * Method of a {@link DefinedService}: path, kind, and how messages are encoded.
 *
 * @category Client
 */
export interface DefinedMethod {
  /** Path, for example `/package.Service/Method`. */
  readonly path: string;
  /** Whether requests are a stream. */
  readonly requestStream: boolean;
  /** Whether replies are a stream. */
  readonly responseStream: boolean;
  /** Encodes requests. */
  // deno-lint-ignore no-explicit-any -- as in the types of grpc-js, messages are of every type
  requestSerialize(message: any): Uint8Array;
  /** Decodes replies. */
  // deno-lint-ignore no-explicit-any -- Node's Buffer, which the types of grpc-js name
  responseDeserialize(bytes: any): any;
}

/**
 * Methods of a service by name, as grpc-js's `ServiceDefinition` has them.
 *
 * @category Client
 */
export type DefinedService<D> = { readonly [P in keyof D]: DefinedMethod };

/** Returns the kind of a method. */
export function kindOf(method: { requestStream: boolean; responseStream: boolean }): MethodKind {
  if (method.requestStream) return method.responseStream ? "bidi_streaming" : "client_streaming";
  return method.responseStream ? "server_streaming" : "unary";
}
